//! What every process does the same way: configuration, start-up, telemetry, readiness, shutdown, problems, the gate.
