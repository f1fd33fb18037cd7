"""One suite for every implementation of a port: the fake may promise no more than the real thing keeps."""
