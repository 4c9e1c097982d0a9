"""The campaign console: a small web page and API beside the workers. It reads; it changes nothing."""
