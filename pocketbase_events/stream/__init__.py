"""The log in a stream of NATS JetStream: published and read. Only `client` and `reading` need nats-py."""
