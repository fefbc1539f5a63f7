//! The DA-SVID: claims, compact form, and the verification that makes a chain believed.
