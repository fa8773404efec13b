#include "server/access/key_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/common/errors.h"
#include "tests/support/matchers.h"
#include "tests/support/token_maker.h"

namespace atrium {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kExponent[] = "AQAB";

std::string Set(absl::string_view keys) { return absl::StrCat(R"({"keys":[)", keys, "]}"); }

std::string Secret(size_t bytes, absl::string_view more = "") {
  return absl::StrCat(R"({"kty":"oct","k":")", Base64Url(std::string(bytes, 's')), R"(")", more, "}");
}

// `first` and `last` are bytes of the modulus, which has nothing else to do with RSA.
std::string Rsa(size_t bytes, absl::string_view exponent = kExponent, char first = '\x80', char last = '\x01') {
  std::string modulus(bytes, '\xda');
  modulus.front() = first;
  modulus.back() = last;
  return absl::StrCat(R"({"kty":"RSA","e":")", exponent, R"(","n":")", Base64Url(modulus), R"("})");
}

std::string With(absl::string_view key, absl::string_view members) {
  return absl::StrCat(key.substr(0, key.size() - 1), ",", members, "}");
}

std::string ErrorOf(absl::string_view keys) {
  const absl::StatusOr<KeySet> set = KeySet::Parse(Set(keys));
  if (set.ok()) return "OK";
  EXPECT_THAT(set, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ErrorField(set.status()), HasSubstr("key"));
  return std::string(set.status().message());
}

std::string AlgorithmOf(absl::string_view jwks) {
  const absl::StatusOr<KeySet> set = KeySet::Parse(jwks);
  if (!set.ok()) return std::string(set.status().message());
  return std::string(set->Find(std::nullopt)->algorithm());
}

TEST(KeySetTest, TheKeyDecidesTheAlgorithm) {
  for (const char* algorithm :
       {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "HS256", "HS384", "HS512"}) {
    EXPECT_EQ(AlgorithmOf(Jwks({TokenMaker(algorithm)})), algorithm);
  }
  EXPECT_EQ(AlgorithmOf(Set(Rsa(256))), "RS256");
  EXPECT_EQ(AlgorithmOf(Set(Secret(64))), "HS256");
  EXPECT_EQ(AlgorithmOf(absl::StrReplaceAll(Jwks({TokenMaker("ES256")}), {{R"("alg")", R"("was")"}})), "ES256");
}

TEST(KeySetTest, TakesOneKeyAsASet) {
  EXPECT_EQ(AlgorithmOf(Secret(32)), "HS256");
  EXPECT_EQ(KeySet::Parse(Secret(31)).status().message(), "key.k: must have at least 32 bytes for HS256");
}

TEST(KeySetTest, KnowsTheLengthOfSignatures) {
  const auto bytes = [](absl::string_view jwks) { return KeySet::Parse(jwks)->Find(std::nullopt)->signature_bytes(); };
  EXPECT_EQ(bytes(Rsa(256)), 256);
  EXPECT_EQ(bytes(Rsa(257, kExponent, '\x01')), 257);
  EXPECT_EQ(bytes(Rsa(257, kExponent, '\0')), 256) << "a zero in front, as of a signed number";
  EXPECT_EQ(bytes(Rsa(512)), 512);
  EXPECT_EQ(bytes(TokenMaker("ES256").Jwk()), 64);
  EXPECT_EQ(bytes(TokenMaker("HS384").Jwk()), 48);
}

TEST(KeySetTest, FindsKeysByTheirExactName) {
  const KeySet set = *KeySet::Parse(Jwks({TokenMaker("HS256", "a"), TokenMaker("HS512", "b")}));
  EXPECT_EQ(set.size(), 2);
  EXPECT_EQ(set.Find("a")->algorithm(), "HS256");
  EXPECT_EQ(set.Find("b")->algorithm(), "HS512");
  EXPECT_EQ(set.Find("A"), nullptr);
  EXPECT_EQ(set.Find(""), nullptr);
  EXPECT_EQ(set.Find(std::nullopt), nullptr);
}

TEST(KeySetTest, TheOnlyKeyNeedsNoName) {
  const KeySet named = *KeySet::Parse(Jwks({TokenMaker("HS256", "a")}));
  EXPECT_NE(named.Find("a"), nullptr);
  EXPECT_NE(named.Find(std::nullopt), nullptr);
  EXPECT_EQ(named.Find("b"), nullptr);
  const KeySet unnamed = *KeySet::Parse(Secret(32));
  EXPECT_NE(unnamed.Find("b"), nullptr);
  EXPECT_NE(unnamed.Find(std::nullopt), nullptr);
}

TEST(KeySetTest, AKeyStaysWhereItIsWhenTheSetMoves) {
  KeySet set = *KeySet::Parse(Jwks({TokenMaker("HS256", "a"), TokenMaker("HS512", "b")}));
  const VerificationKey* const key = set.Find("b");
  const KeySet moved = std::move(set);
  EXPECT_EQ(moved.Find("b"), key);
}

TEST(KeySetTest, NamesMustTellKeysApart) {
  EXPECT_EQ(ErrorOf(absl::StrCat(Secret(32, R"(,"kid":"a")"), ",", Secret(32, R"(,"kid":"a")"))),
            "keys[1].kid: is that of an earlier key");
  EXPECT_EQ(ErrorOf(absl::StrCat(Secret(32, R"(,"kid":"a")"), ",", Secret(32))),
            "keys[1]: needs a kid, because it is not the only key");
  EXPECT_EQ(ErrorOf(Secret(32, R"(,"kid":1)")), "keys[0].kid: must be a string");
}

TEST(KeySetTest, SkipsKeysForSomethingElse) {
  const absl::StatusOr<KeySet> set = KeySet::Parse(
      Set(absl::StrCat(With(Rsa(256), R"("use":"enc")"), ",", With(Rsa(256), R"("alg":"RSA-OAEP")"), ",",
                       With(Rsa(256), R"("alg":"ES256")"), ",", With(Rsa(128), R"("key_ops":["encrypt"])"), ",",
                       R"({"kty":"OKP","crv":"Ed25519","x":"AA"},{"kty":"EC","crv":"P-384","x":"AA","y":"AA"},)",
                       Secret(32, R"(,"key_ops":["sign"])"), ",", Secret(32, R"(,"key_ops":[],"kid":"mine")"), ",",
                       Secret(32, R"(,"key_ops":["sign","verify"],"use":"sig","kid":"mine")"))));
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(set->size(), 1);
  EXPECT_EQ(set->skipped(), 8);
  EXPECT_NE(set->Find("mine"), nullptr);
}

TEST(KeySetTest, NeedsAKeyThatVerifies) {
  for (const std::string& keys : {std::string(), With(Rsa(256), R"("use":"enc")")}) {
    EXPECT_THAT(ErrorOf(keys), HasSubstr("keys: none can verify signatures"));
  }
}

TEST(KeySetTest, RefusesWeakKeys) {
  const std::string good = Secret(32, R"(,"kid":"a")");
  EXPECT_EQ(ErrorOf(absl::StrCat(good, ",", Rsa(128))), "keys[1].n: must have 2048 to 4096 bits, not 1024");
  EXPECT_EQ(ErrorOf(Rsa(256, kExponent, '\x7f')), "keys[0].n: must have 2048 to 4096 bits, not 2047");
  EXPECT_EQ(ErrorOf(Rsa(513, kExponent, '\x01')), "keys[0].n: must have 2048 to 4096 bits, not 4097");
  EXPECT_EQ(ErrorOf(Rsa(256, kExponent, '\x80', '\x02')), "keys[0].n: must be odd");
  EXPECT_EQ(ErrorOf(Secret(31)), "keys[0].k: must have at least 32 bytes for HS256");
  EXPECT_EQ(ErrorOf(Secret(47, R"(,"alg":"HS384")")), "keys[0].k: must have at least 48 bytes for HS384");
  EXPECT_EQ(ErrorOf(Secret(63, R"(,"alg":"HS512")")), "keys[0].k: must have at least 64 bytes for HS512");
  // These exponents are 1, 0, 4, 65536, and one of 72 bits.
  for (const char* exponent : {"AQ", "AA", "BA", "AQAA", "AQAAAAAAAAAB"}) {
    EXPECT_EQ(ErrorOf(Rsa(256, exponent)), "keys[0].e: must be odd, greater than 1, and of at most 64 bits");
  }
  EXPECT_EQ(ErrorOf(Rsa(256, "Aw")), "OK") << "3";
}

TEST(KeySetTest, RefusesBrokenKeys) {
  const std::string base64 = ": must be base64url without padding";
  EXPECT_EQ(ErrorOf(Rsa(256, "AQAB=")), "keys[0].e" + base64);
  EXPECT_EQ(ErrorOf(Rsa(256, "AQ+B")), "keys[0].e" + base64);
  EXPECT_EQ(ErrorOf(Rsa(256, "AR")), "keys[0].e" + base64) << "unused bits";
  EXPECT_EQ(ErrorOf(Rsa(256, "AQABA")), "keys[0].e" + base64) << "a length of 1 mod 4";
  EXPECT_EQ(ErrorOf(Rsa(256, "AQ AB")), "keys[0].e" + base64);
  EXPECT_EQ(ErrorOf(R"({"kty":"RSA","e":"AQAB"})"), "keys[0].n" + base64);
  EXPECT_EQ(ErrorOf(R"({"kty":"oct","k":""})"), "keys[0].k" + base64);
  EXPECT_EQ(ErrorOf(R"({"kty":"oct","k":7})"), "keys[0].k: must be a string");
  EXPECT_EQ(ErrorOf(R"({"k":""})"), "keys[0].kty: is missing");
  EXPECT_EQ(ErrorOf(R"({"kty":"EC"})"), "keys[0].crv: is missing");
  EXPECT_EQ(ErrorOf("[]"), "keys[0]: must be an object");
  EXPECT_EQ(ErrorOf(Secret(32, R"(,"alg":null)")), "keys[0].alg: must be a string");
  EXPECT_EQ(ErrorOf(Secret(32, R"(,"use":["sig"])")), "keys[0].use: must be a string");
  EXPECT_EQ(ErrorOf(Secret(32, R"(,"key_ops":"verify")")), "keys[0].key_ops: must be a list of strings");
  EXPECT_EQ(ErrorOf(Secret(32, R"(,"key_ops":["verify",1])")), "keys[0].key_ops: must be a list of strings");
  EXPECT_EQ(KeySet::Parse(R"({"keys":{}})").status().message(), "keys: must be a list");
  EXPECT_FALSE(KeySet::Parse("").ok());
  EXPECT_FALSE(KeySet::Parse("[]").ok());
}

TEST(KeySetTest, APointMustBeOnTheCurve) {
  const auto point = [](absl::string_view x, absl::string_view y) {
    return absl::StrCat(R"({"kty":"EC","crv":"P-256","x":")", Base64Url(x), R"(","y":")", Base64Url(y), R"("})");
  };
  const std::string key = TokenMaker("ES256").PublicBytes();
  const std::string x = key.substr(0, 32);
  std::string y = key.substr(32);
  EXPECT_EQ(ErrorOf(point(x, y)), "OK");
  EXPECT_EQ(ErrorOf(point(x, y.substr(1))), "keys[0].y: must have 32 bytes");
  EXPECT_EQ(ErrorOf(point(std::string(1, '\0') + x, y)), "keys[0].x: must have 32 bytes");
  y.back() ^= 1;
  const std::string off = "keys[0]: must be a point on the curve P-256";
  EXPECT_EQ(ErrorOf(point(x, y)), off);
  EXPECT_EQ(ErrorOf(point(std::string(32, '\0'), std::string(32, '\0'))), off);
  EXPECT_EQ(ErrorOf(point(std::string(32, '\xff'), std::string(32, '\xff'))), off);
}

TEST(KeySetTest, RefusesPrivateKeys) {
  const std::string rule = "keys[0]: is a private key; give its public part";
  for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth"}) {
    EXPECT_EQ(ErrorOf(With(Rsa(256), absl::StrCat("\"", member, R"(":"AQAB")"))), rule);
  }
  EXPECT_EQ(ErrorOf(With(TokenMaker("ES256").Jwk(), R"("d":"AQAB")")), rule);
  EXPECT_EQ(ErrorOf(With(Rsa(256), R"("use":"enc","d":"AQAB")")), rule) << "although it would be skipped";
  EXPECT_EQ(ErrorOf(R"({"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"})"), rule);
}

TEST(KeySetTest, RefusesAMemberThatStandsTwice) {
  EXPECT_THAT(KeySet::Parse(Set(Secret(32, R"(,"k":"AA")"))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("member \"k\" stands twice")));
  EXPECT_THAT(KeySet::Parse(absl::StrCat(R"({"keys":[],"k\u0065ys":[)", Secret(32), "]}")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("member \"keys\" stands twice")));
  EXPECT_FALSE(KeySet::Parse(std::string(100'000, '[')).ok());
}

TEST(KeySetTest, ErrorsShowNoKey) {
  const std::string secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";
  const std::string texts[] = {
      absl::StrCat(R"({"kty":"oct","k":")", secret, R"("})"),
      absl::StrCat(R"({"kty":"oct","k":")", secret, R"(=="})"),
      absl::StrCat(R"({"kty":"oct","k":")", secret),
      absl::StrCat(R"({"kty":"oct","k":")", secret, R"(","k":")", secret, R"("})"),
      absl::StrCat(R"({"kty":"RSA","n":")", secret, R"(","e":")", secret, R"(","d":")", secret, R"("})"),
      absl::StrCat(R"({"kty":"EC","crv":"P-256","x":")", secret, R"(","y":")", secret, R"("})"),
  };
  for (const std::string& text : texts) {
    for (const std::string& jwks : {text, Set(text)}) {
      const absl::Status error = KeySet::Parse(jwks).status();
      EXPECT_THAT(error, StatusIs(absl::StatusCode::kInvalidArgument));
      EXPECT_THAT(error.ToString(), Not(HasSubstr("c2V")));
    }
  }
}

}  // namespace
}  // namespace atrium
