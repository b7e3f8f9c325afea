"""Every way to bring a file in: ours, Uppy's, and what is handed on to a browser."""
