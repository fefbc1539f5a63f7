-- A first start's databases: each has a user of its own, who can reach no other. `dasvid init` made the passwords.
\set asserting `cat /run/bank/postgres/asserting_wl.password`
\set target `cat /run/bank/postgres/target_wl.password`
\set keycloak `cat /run/bank/postgres/keycloak.password`

CREATE ROLE asserting_wl LOGIN PASSWORD :'asserting';
CREATE ROLE target_wl LOGIN PASSWORD :'target';
CREATE ROLE keycloak LOGIN PASSWORD :'keycloak';

CREATE DATABASE asserting_wl OWNER asserting_wl;
CREATE DATABASE target_wl OWNER target_wl;
CREATE DATABASE keycloak OWNER keycloak;

REVOKE CONNECT, TEMPORARY ON DATABASE postgres, asserting_wl, target_wl, keycloak FROM PUBLIC;
