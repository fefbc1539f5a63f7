//! An embedded OpenID Provider. For development and tests, never for production.
