//! Turns an OAuth access token into a DA-SVID.
