//! The front end seen from a browser.
