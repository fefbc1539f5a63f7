//! What crosses the network: requests, responses and problem types.
