"""The JSON that `ckms` and Cosmian's libraries speak: one operation of KMIP 2.1, and no message.

    {"tag": "Destroy", "type": "Structure", "value": [{"tag": "UniqueIdentifier", ...}]}
    {"tag": "DestroyResponse", "type": "Structure", "value": [{"tag": "UniqueIdentifier", ...}]}

Theory: between its JSON and the JSON of the specification (`kmip.encodings.json`) there are a few
differences of form, and there are two dialects of them. A request says which one it is in: only
the older one writes the type of a structure. It is put into the specification's form, read as any
message, and what is answered is put into the request's dialect.

    what                       older (4.x)                          newer (5.x)
    several values of a field  one structure of its tag around all  one beside the other
    vendor attribute           VendorAttributes, its value bytes    Attribute, its value a text
    managed object             Object                               its own tag, as in KMIP
    initialization vector      IvCounterNonce                       IVCounterNonce, as in KMIP
    Revocation Reason          a text                               a structure, as in KMIP
    a new key is               Active                               Pre-Active, as in KMIP
    names                      as in KMIP                           without marks (`newer`)

Both expect to encrypt without saying how. So what is made with an algorithm of `DEFAULTS` and
without Cryptographic Parameters has those given there, which an Encrypt then uses. What they call
ChaCha20 is ChaCha20-Poly1305.

A tag of an object is one value of its vendor attribute `cosmian` `tag`; these clients see the list
of all as one JSON array. A Unique Identifier that is such an array stands for the one object that
has all these tags, one at least: the request becomes a batch whose first item locates it, and names
no other object. An array may name the kind of object too, by `_kk`, `_sk`, `_pk` and `_cert`.

Source: requests as `cosmian_kms` 4.22 and `ckms` 5.28 send them; KMIP Additional Message Encodings
1.0 section 4.1 for what they have in common. Covercrypt is no algorithm of KMIP and is refused.
"""
