-- Signers' certificates, found by the hash of the leaf. Anybody may read them; only their owner could put them here.
CREATE TABLE certificates (
    x5t       bytea            NOT NULL PRIMARY KEY CHECK (length(x5t) = 32),
    spiffe_id text COLLATE "C" NOT NULL,
    pem       text COLLATE "C" NOT NULL,
    expires   bigint           NOT NULL
);

CREATE INDEX certificates_by_owner ON certificates (spiffe_id, expires);
CREATE INDEX certificates_by_expiry ON certificates (expires);
