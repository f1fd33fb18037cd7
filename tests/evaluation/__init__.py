"""The instrument that measures the redactor, itself measured; and the limits that the redactor must keep."""
