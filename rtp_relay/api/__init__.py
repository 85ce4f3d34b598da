"""The Python API: a relay system inside an application that speaks SIP itself."""
