-- What is revoked. The key is a JSON array of text; what it means depends on the scope.
CREATE TABLE revocations (
    scope         text COLLATE "C" NOT NULL,
    key           text COLLATE "C" NOT NULL,
    not_after_iat bigint,           -- NULL: every login
    cause         text COLLATE "C" NOT NULL,
    txn           text COLLATE "C",
    recorded_at   bigint           NOT NULL,
    expires       bigint           NOT NULL,
    sequence      bigint           NOT NULL UNIQUE,
    PRIMARY KEY (scope, key)
);

CREATE INDEX revocations_by_expiry ON revocations (expires);

-- The last sequence given out. It never goes back, also when the record that had it is forgotten. Its one row is locked
-- from the moment a sequence is given out to the commit, so sequences appear in the order of commits.
CREATE TABLE revocation_sequence (
    id       integer NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence bigint  NOT NULL
);

INSERT INTO revocation_sequence (id, sequence) VALUES (1, 0);

-- Signed messages that were taken, so that none is taken twice.
CREATE TABLE received_tokens (
    iss     text COLLATE "C" NOT NULL,
    jti     text COLLATE "C" NOT NULL,
    expires bigint           NOT NULL,
    PRIMARY KEY (iss, jti)
);

CREATE INDEX received_tokens_by_expiry ON received_tokens (expires);
