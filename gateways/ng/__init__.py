"""The ng door: a drop-in for an rtpengine, for the unchanged rtpengine modules of Kamailio and OpenSIPS."""
