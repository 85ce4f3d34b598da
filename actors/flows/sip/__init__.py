"""The flows of SIP messages: what is seen of them, requests of our own, the media that they carry."""
