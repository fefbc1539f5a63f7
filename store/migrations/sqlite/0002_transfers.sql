-- What others transfer to: one number a person, the same for every currency. Ten digits, and two that check them.
CREATE TABLE account_numbers (
    number TEXT NOT NULL PRIMARY KEY CHECK (length(number) = 12),
    dpa    TEXT NOT NULL,
    dpr    TEXT NOT NULL,
    UNIQUE (dpa, dpr)
) STRICT, WITHOUT ROWID;

-- Everybody who has an account already gets one. The factor has no divisor in common with 9,000,000,000, so no two are equal.
INSERT INTO account_numbers (number, dpa, dpr)
SELECT printf('%d%02d', payload, 98 - payload * 100 % 97), dpa, dpr
FROM (
    SELECT 1000000000 + row_number() OVER (ORDER BY dpa, dpr) * 7654321123 % 9000000000 AS payload, dpa, dpr
    FROM accounts
    GROUP BY dpa, dpr
);

-- A transfer is an entry on both sides that names the sender's entry and the other side's number.
ALTER TABLE ledger ADD COLUMN transfer TEXT;
ALTER TABLE ledger ADD COLUMN counterparty TEXT CHECK ((counterparty IS NULL) = (transfer IS NULL));
ALTER TABLE ledger ADD COLUMN note TEXT CHECK (note IS NULL OR transfer IS NOT NULL);

CREATE INDEX ledger_by_person ON ledger (dpa, dpr, sequence);
