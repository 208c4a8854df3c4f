// A certificate for one.test, two.test and localhost that signed itself, until 2120, and its key: for tests only.
const pem = (what: string, body: string): string =>
  `-----BEGIN ${what}-----\n${(body.match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${what}-----\n`

export const CERTIFICATE = pem(
  'CERTIFICATE',
  'MIIBUzCB+qADAgECAgEBMAoGCCqGSM49BAMCMBMxETAPBgNVBAMMCG9uZS50ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjATMREwDwYDVQQDDAhvbmUudGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDLJxBc62zWHuDaR0eEJpzCwHyA5RUChJqyKGJsWL3FnN5WNb6uoxLfP69RKgzrKs/MKIkApMgsUchxoWj42iTejPTA7MA8GA1UdEwEB/wQFMAMBAf8wKAYDVR0RBCEwH4IIb25lLnRlc3SCCHR3by50ZXN0gglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIhALa4ob45BjbFWM0dtXDp5qpa72JbbbaB3yA4j7IMTIO/AiArG5JIPq3nrKfc1yV+nnnImnlNNkpI6HeELZGmHHWdiw==',
)
export const KEY = pem(
  'PRIVATE KEY',
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgigIkz5uuvxHNd2zmZSCw39RX/kVowgcu2joClULILMahRANCAAQyycQXOts1h7g2kdHhCacwsB8gOUVAoSasihibFi9xZzeVjW+rqMS3z+vUSoM6yrPzCiJAKTILFHIcaFo+Nok3',
)
