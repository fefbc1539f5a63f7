-- Replicas that make keys at the same time end up with one: at most one of a kind signs, and at most one waits.
CREATE UNIQUE INDEX minting_keys_one_current ON minting_keys (kind) WHERE state = 'current';
CREATE UNIQUE INDEX minting_keys_one_next ON minting_keys (kind) WHERE state = 'next';
