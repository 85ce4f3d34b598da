"""rtpengine: its "ng" control protocol, encodings and commands."""
