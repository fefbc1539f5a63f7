-- What others transfer to: one number a person, the same for every currency. Ten digits, and two that check them.
CREATE TABLE account_numbers (
    number text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(number) = 12),
    dpa    text COLLATE "C" NOT NULL,
    dpr    text COLLATE "C" NOT NULL,
    UNIQUE (dpa, dpr)
);

-- A transfer is an entry on both sides that names the sender's entry and the other side's number.
ALTER TABLE ledger ADD COLUMN transfer uuid;
ALTER TABLE ledger ADD COLUMN counterparty text COLLATE "C" CHECK ((counterparty IS NULL) = (transfer IS NULL));
ALTER TABLE ledger ADD COLUMN note text CHECK (note IS NULL OR transfer IS NOT NULL);

CREATE INDEX ledger_by_person ON ledger (dpa, dpr, sequence);
