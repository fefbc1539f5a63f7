-- Signers' certificates, found by the hash of the leaf. Anybody may read them; only their owner could put them here.
CREATE TABLE certificates (
    x5t       BLOB    NOT NULL PRIMARY KEY CHECK (length(x5t) = 32),
    spiffe_id TEXT    NOT NULL,
    pem       TEXT    NOT NULL,
    expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX certificates_by_owner ON certificates (spiffe_id, expires);
CREATE INDEX certificates_by_expiry ON certificates (expires);
