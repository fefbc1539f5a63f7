-- What is revoked. The key is a JSON array of text; what it means depends on the scope.
CREATE TABLE revocations (
    scope         TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    not_after_iat INTEGER,          -- NULL: every login
    cause         TEXT    NOT NULL,
    txn           TEXT,
    recorded_at   INTEGER NOT NULL,
    expires       INTEGER NOT NULL,
    sequence      INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX revocations_by_expiry ON revocations (expires);

-- The last sequence given out. It never goes back, also when the record that had it is forgotten.
CREATE TABLE revocation_sequence (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL
) STRICT;

INSERT INTO revocation_sequence (id, sequence) VALUES (1, 0);

-- Signed messages that were taken, so that none is taken twice.
CREATE TABLE received_tokens (
    iss     TEXT    NOT NULL,
    jti     TEXT    NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (iss, jti)
) STRICT, WITHOUT ROWID;

CREATE INDEX received_tokens_by_expiry ON received_tokens (expires);
