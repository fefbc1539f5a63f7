//! dev-idp as each of the providers, in every algorithm.
