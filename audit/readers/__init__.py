"""Small independent readers: each turns bytes into a value or raises `audit.errors.Unreadable`."""
