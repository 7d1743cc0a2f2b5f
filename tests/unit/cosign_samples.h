/* SPDX-License-Identifier: MIT */
/* What cosign 3.1.1 of Debian wrote (cosign sign --key K --signing-config SC -a env=prod -a x=y, with a signing
 * config that has no services), and the keys that were made for it. */
#ifndef TESTS_COSIGN_SAMPLES_H
#define TESTS_COSIGN_SAMPLES_H

static const struct cosign_sample {
	const char *kind, *key, *digest, *bundle;
	bool annotated;
} cosign_samples[] = {
    {"p256",
     "-----BEGIN PUBLIC KEY-----\n"
     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvUgPloCVe555s4HkJkgwZu4NydbN\n"
     "KMwfA/KQEzEa/oz+xt4ryljfUm8vvKRWtaRDEe5eTVdrh1nZsw5sJmqQ4Q==\n"
     "-----END PUBLIC KEY-----\n",
     "sha256:c21ff32af46a951b1e1cf54451a64f2e0aa33b28512459f196cbd28dbee66dc4",
     "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMateri"
     "al\":{\"publicKey\":{\"hint\":\"6LiTb6Mx2mmVpEoaHt1rQGz/YVcCdsqmHSmLo6XXm+0=\"}},\"dsseE"
     "nvelope\":{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJ"
     "zdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiYzIxZmYzMmFmNDZhOTUxYjFlMWNmNTQ0NTFhNjR"
     "mMmUwYWEzM2IyODUxMjQ1OWYxOTZjYmQyOGRiZWU2NmRjNCJ9LCJhbm5vdGF0aW9ucyI6e319XSwicHJ"
     "lZGljYXRlVHlwZSI6Imh0dHBzOi8vc2lnc3RvcmUuZGV2L2Nvc2lnbi9zaWduL3YxIiwicHJlZGljYXR"
     "lIjp7fX0=\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{\"sig\":\"ME"
     "QCIAORgbD9ZrOt/fqdGP4FnuZfD8OvZGPXolgQjqIDOQQ6AiAJSn+03mohRHbC1nSehc+nLduU2QeA3Q"
     "z3LoCzs9xjsw==\"}]}}",
     false},
    {"p384",
     "-----BEGIN PUBLIC KEY-----\n"
     "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE4x398qYxtb5NYjivkh3ojEf6eQ74HfwH\n"
     "e0wUj3YEkZAXYLzS2r4PEH5Wgd09uloBLULjlRAB71kijAtXCEpFgk0r7hpUFguX\n"
     "qUwbzuk5xglZ8/ox2Od2MBXUdI6DtW/0\n"
     "-----END PUBLIC KEY-----\n",
     "sha256:1bec133a99315ad5706003927b834fa38d4082c6f0294083e2a39e9ec021bfcc",
     "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMateri"
     "al\":{\"publicKey\":{\"hint\":\"fNuwzxP7A8DJqojjE57Ay5sD0Cg/XhY3E9sSje1D+fg=\"}},\"dsseE"
     "nvelope\":{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJ"
     "zdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiMWJlYzEzM2E5OTMxNWFkNTcwNjAwMzkyN2I4MzR"
     "mYTM4ZDQwODJjNmYwMjk0MDgzZTJhMzllOWVjMDIxYmZjYyJ9LCJhbm5vdGF0aW9ucyI6eyJlbnYiOiJ"
     "wcm9kIiwieCI6InkifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zaWdzdG9yZS5kZXYvY29zaWd"
     "uL3NpZ24vdjEiLCJwcmVkaWNhdGUiOnt9fQ==\",\"payloadType\":\"application/vnd.in-toto+js"
     "on\",\"signatures\":[{\"sig\":\"MGYCMQC5oD5uOv7am4hYmfnYDZoNv+IO9jlcN45gZtUl23cF4cSmea"
     "xKoM8LBfRlvf32aEYCMQCgvh+iupdlQds/wF8R/jke2AUCW4dv+4kELPDilY2jc+NHEMRkhtdpEvc3wI"
     "iCfrY=\"}]}}",
     true},
    {"p521",
     "-----BEGIN PUBLIC KEY-----\n"
     "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQALsRQ1bR/qJJENCUWUktw4u7XASkQ\n"
     "tQAjqpjMeGgiUhQU74/qqB8zEH7zQvUTWaSItIV6Cczg9IiRSKnsJG+P8YIAR61H\n"
     "c6HNcrQaNCQ5LTIPtsqHdWBeNcfkMiPrgxV+ghnNaXvZ4CdtILRkILJfrTLJYuvA\n"
     "CqW5FzDfg7zJNSk+4nI=\n"
     "-----END PUBLIC KEY-----\n",
     "sha256:3f43e8996c66ea2e3c1a14cda38ad9ed3ccfead25fd12672f0b807972d45ec63",
     "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMateri"
     "al\":{\"publicKey\":{\"hint\":\"/WoV7xtiAkSyqwHwN3ocZ23xT0FBeMGc6shgho78dHk=\"}},\"dsseE"
     "nvelope\":{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJ"
     "zdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiM2Y0M2U4OTk2YzY2ZWEyZTNjMWExNGNkYTM4YWQ"
     "5ZWQzY2NmZWFkMjVmZDEyNjcyZjBiODA3OTcyZDQ1ZWM2MyJ9LCJhbm5vdGF0aW9ucyI6eyJlbnYiOiJ"
     "wcm9kIiwieCI6InkifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zaWdzdG9yZS5kZXYvY29zaWd"
     "uL3NpZ24vdjEiLCJwcmVkaWNhdGUiOnt9fQ==\",\"payloadType\":\"application/vnd.in-toto+js"
     "on\",\"signatures\":[{\"sig\":\"MIGIAkIBQXTmYdEW5wnJetRv1TEVfbKc9Be5fW2OrwJdehzobpshEt"
     "DTnK48gjXiAaPidNOi9yYmW5vsddbFMMh0VPiHn2kCQgHvhyFkC4ByFNW+RGy8pOYWwVsDdvJ9LfU40t"
     "7vy5C6RF/o/gn3NGj3YrKuxe+38DlE6MUiSOzgJ82Ysy8M23m1IA==\"}]}}",
     true},
    {"rsa",
     "-----BEGIN PUBLIC KEY-----\n"
     "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq6vcjblaCY9p4/C/DW19\n"
     "5kwVnI+0myRz3qx7zQveTzy7XZmMIAaX25U+Ht2ovYQKN/tgdGbOKsPvad2PWr7Q\n"
     "OAGf9RMkANxB6giH9BwVJZZs8g3eY0HKs/0OZ6yAJTJpxB1fJXcM3c+sp2yYb1gm\n"
     "djipBEaH69ATe7YmHIXtSFmWeHgDmzN+VQoQH7V1YSgJDTqLHdGa6mM8h0Ws3ojI\n"
     "pTWiX9bZje6G5yKbw2J/xFhWPpbiG3Wd3znjcuQxRYwHwmtU4rsaAmUy0LfgMdtf\n"
     "Qj4c74HIfBTUg9I+ptJGTOPOq8+samfqFs3g/P+rV/eFfGAYleT8uT7EgIPjjAHz\n"
     "yQIDAQAB\n"
     "-----END PUBLIC KEY-----\n",
     "sha256:db2b56330b1cfcb1c29814cb279dd1726b5a231438fa24786828f04687dd1600",
     "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMateri"
     "al\":{\"publicKey\":{\"hint\":\"UorZizjHyHd4R8XoJTCKf42l5OXfA7TSIeY8iqrJh0M=\"}},\"dsseE"
     "nvelope\":{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJ"
     "zdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiZGIyYjU2MzMwYjFjZmNiMWMyOTgxNGNiMjc5ZGQ"
     "xNzI2YjVhMjMxNDM4ZmEyNDc4NjgyOGYwNDY4N2RkMTYwMCJ9LCJhbm5vdGF0aW9ucyI6eyJlbnYiOiJ"
     "wcm9kIiwieCI6InkifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zaWdzdG9yZS5kZXYvY29zaWd"
     "uL3NpZ24vdjEiLCJwcmVkaWNhdGUiOnt9fQ==\",\"payloadType\":\"application/vnd.in-toto+js"
     "on\",\"signatures\":[{\"sig\":\"IMKiKnBbC7RydXTiZlpXx3SCDNekskMiErzR/L2L3JFGzwxORiSkWR"
     "LKRv7YFmCs/zSjIDPJrsg+5FGPJSPBiyTf6gP3/lRRZWOjbJZESKpT96V4llZaI/iIdRpuZoNodOFyIo"
     "mKoQZkYcfG9yBQq6dDwUtF0hUVjjeldTXNjGRY0BVi/HqoRBdKsiDmP3nmPcvQAG7HnWh/9CNAcbUYqk"
     "oeQ2wcogB4OSNrwaWb4ts1zfUhOmgEJ78lNK4IhODGemmD0IlN4fQvrx4krll4vjNbqnLc1vSd5CUSOU"
     "mGeGIZUdg73qypEh0p0UFtaTxNf0uqf6BZGKu+GMPE+VsxVw==\"}]}}",
     true},
    {"ed25519",
     "-----BEGIN PUBLIC KEY-----\n"
     "MCowBQYDK2VwAyEAjU5oRjNoOIOzAsuH1XMiR92Aqo559t/5jKKU+HA933o=\n"
     "-----END PUBLIC KEY-----\n",
     "sha256:62e782a7218388dc4dadc09e0a275309f35517d5a511f1764098b854c3f9337b",
     "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMateri"
     "al\":{\"publicKey\":{\"hint\":\"g8RjEjd69HDXatRVq48WX87LZC8vISlnOCva9o8+44A=\"}},\"dsseE"
     "nvelope\":{\"payload\":\"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJ"
     "zdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiNjJlNzgyYTcyMTgzODhkYzRkYWRjMDllMGEyNzU"
     "zMDlmMzU1MTdkNWE1MTFmMTc2NDA5OGI4NTRjM2Y5MzM3YiJ9LCJhbm5vdGF0aW9ucyI6eyJlbnYiOiJ"
     "wcm9kIiwieCI6InkifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zaWdzdG9yZS5kZXYvY29zaWd"
     "uL3NpZ24vdjEiLCJwcmVkaWNhdGUiOnt9fQ==\",\"payloadType\":\"application/vnd.in-toto+js"
     "on\",\"signatures\":[{\"sig\":\"PAAKVhD1YoIJyauy8Kn+QaZ4AIKsWTPYg200wmaao2l2wXS2xwdGek"
     "JIwLvLUJq/s/+CxX2RCSLDS2qN2HgIAg==\"}]}}",
     true},
};

#endif
