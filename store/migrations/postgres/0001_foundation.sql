-- Times are microseconds since the Unix epoch. Text compares bytewise, whatever the database's own collation is; U+0000,
-- which PostgreSQL cannot store, and U+0001 are escaped (`src/postgres/text.rs`).

-- One account a person (dpa, dpr) and currency; its balance is the sum of its ledger.
CREATE TABLE accounts (
    dpa       text COLLATE "C" NOT NULL,
    dpr       text COLLATE "C" NOT NULL,
    currency  text COLLATE "C" NOT NULL,
    balance   bigint           NOT NULL CHECK (balance >= 0),
    opened_at bigint           NOT NULL,
    PRIMARY KEY (dpa, dpr, currency)
) WITH (fillfactor = 70); -- room for the next balance on the same page, so that no index has to know of it

CREATE TABLE ledger (
    sequence   bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid             NOT NULL UNIQUE,
    dpa        text COLLATE "C" NOT NULL,
    dpr        text COLLATE "C" NOT NULL,
    currency   text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    minor      bigint           NOT NULL CHECK (minor <> 0),
    balance    bigint           NOT NULL,
    txn        text COLLATE "C",
    created_at bigint           NOT NULL,
    FOREIGN KEY (dpa, dpr, currency) REFERENCES accounts
);

CREATE INDEX ledger_by_account ON ledger (dpa, dpr, currency, sequence);

-- Rule 12: what an idempotency key was used for, and which key a chain's first link was spent on. A link refers to a key
-- without a foreign key: its check would read the index that everybody inserts into, and serialisable transactions of
-- different people would conflict.
CREATE TABLE once_keys (
    dpa         text COLLATE "C" NOT NULL,
    dpr         text COLLATE "C" NOT NULL,
    route       text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    body_digest bytea            NOT NULL CHECK (length(body_digest) = 32),
    status      integer,
    headers     text,
    body        bytea,
    expires     bigint           NOT NULL,
    PRIMARY KEY (dpa, dpr, route, key)
);

CREATE INDEX once_keys_by_expiry ON once_keys (expires);

CREATE TABLE once_links (
    first_id text COLLATE "C" NOT NULL PRIMARY KEY,
    dpa      text COLLATE "C" NOT NULL,
    dpr      text COLLATE "C" NOT NULL,
    route    text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    expires  bigint           NOT NULL
);

CREATE INDEX once_links_by_expiry ON once_links (expires);
CREATE INDEX once_links_by_key ON once_links (dpa, dpr, route, key);

CREATE TABLE mints (
    jti          text COLLATE "C" NOT NULL PRIMARY KEY,
    txn          text COLLATE "C" NOT NULL,
    mode         text COLLATE "C" NOT NULL,
    sub          text COLLATE "C" NOT NULL,
    dpa          text COLLATE "C" NOT NULL,
    dpr          text COLLATE "C" NOT NULL,
    sid          text COLLATE "C",
    aud          text             NOT NULL, -- JSON array
    iat          bigint           NOT NULL,
    exp          bigint           NOT NULL,
    commitment   bytea            CHECK (length(commitment) = 32),
    digest       bytea            NOT NULL CHECK (length(digest) = 32),
    sealed_oauth bytea
);

CREATE INDEX mints_by_exp ON mints (exp);

CREATE TABLE minting_keys (
    kid        text COLLATE "C" NOT NULL PRIMARY KEY,
    kind       text COLLATE "C" NOT NULL,
    alg        text COLLATE "C" NOT NULL,
    sealed     bytea            NOT NULL,
    state      text             NOT NULL CHECK (state IN ('next', 'current', 'retiring')),
    created_at bigint           NOT NULL,
    not_before bigint           NOT NULL,
    retires_at bigint
);

-- Events, written in the transaction they tell of: docs/adr/0006. The sequence is that transaction's identifier times
-- 2^20, plus the event's place in it, plus the offset. The text is JSON as it was given: jsonb would refuse \u0000 and
-- forget the order of members.
CREATE TABLE outbox (
    sequence    bigint           NOT NULL PRIMARY KEY,
    id          uuid             NOT NULL UNIQUE,
    kind        text COLLATE "C" NOT NULL,
    subject     text             NOT NULL, -- JSON
    payload     text             NOT NULL, -- JSON
    txn         text COLLATE "C",
    occurred_at bigint           NOT NULL,
    state       text             NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead'))
);

CREATE INDEX outbox_by_state ON outbox (state, sequence);

-- Above 0 where the database was restored into a cluster that counts transactions anew.
CREATE TABLE outbox_offset (
    id      integer NOT NULL PRIMARY KEY CHECK (id = 1),
    shifted bigint  NOT NULL
);

INSERT INTO outbox_offset (id, shifted) VALUES (1, 0);
