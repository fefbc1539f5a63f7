//! Signature schemes of DA-SVID chains: JOSE algorithms held to one strict form, and SCHOCO-R255.
