//! An embedded SPIFFE Workload API with its own CA. For development and tests, never for production.
