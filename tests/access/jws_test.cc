#include "server/access/jws.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/access/token_fault.h"
#include "server/common/errors.h"
#include "tests/support/matchers.h"
#include "tests/support/token_maker.h"

namespace atrium {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::string_view kJwt[] = {"jwt"};
constexpr absl::string_view kTicket[] = {"atrium-ticket+jwt"};
constexpr size_t kMaxBytes = 4096;

// Returns "" for a token that is taken, else its fault.
std::string Fault(absl::string_view token, const KeySet& keys, const JwsKind& kind = {kJwt, true}) {
  const absl::StatusOr<std::string> payload = VerifyJws(token, keys, kind, kMaxBytes);
  if (payload.ok()) return "";
  const std::optional<TokenFault> fault = FaultOf(payload.status());
  if (!fault) return payload.status().ToString();
  EXPECT_EQ(ErrorReason(payload.status()), absl::AsciiStrToUpper(TokenFaultName(*fault)));
  EXPECT_EQ(SignatureWasChecked(*fault), *fault == TokenFault::kBadSignature);
  return std::string(TokenFaultName(*fault));
}

KeySet KeysOf(const std::vector<TokenMaker>& makers) { return *KeySet::Parse(Jwks(makers)); }

// One that signs with HS256, and its key.
class JwsTest : public ::testing::Test {
 protected:
  std::string FaultOfHeader(absl::string_view header) const { return Fault(maker_.Make(header, "{}"), keys_); }
  std::string FaultOfToken(absl::string_view token) const { return Fault(token, keys_); }

  const TokenMaker maker_{"HS256"};
  const KeySet keys_ = KeysOf({maker_});
};

TEST_F(JwsTest, ReturnsWhatWasSigned) {
  for (const char* algorithm :
       {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "HS256", "HS384", "HS512"}) {
    const TokenMaker maker(algorithm);
    const absl::StatusOr<std::string> payload =
        VerifyJws(maker.Make(R"({"sub":"ana"})"), KeysOf({maker}), {kJwt, true}, kMaxBytes);
    ASSERT_THAT(payload, IsOk()) << algorithm;
    EXPECT_EQ(*payload, R"({"sub":"ana"})");
  }
}

TEST_F(JwsTest, AnyBitThatIsChangedIsSeen) {
  const std::string good = maker_.Make("{}");
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = good;
      changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
      EXPECT_NE(FaultOfToken(changed), "") << i << " " << bit;
    }
  }
}

TEST_F(JwsTest, NeverTakesAlgNone) {
  for (const char* none : {"none", "nOnE", "NONE", ""}) {
    const std::string header = absl::StrCat(R"({"alg":")", none, R"(","kid":"test"})");
    EXPECT_EQ(FaultOfHeader(header), "algorithm");
    EXPECT_EQ(FaultOfToken(absl::StrCat(Base64Url(header), ".e30.")), "malformed");
    EXPECT_EQ(FaultOfToken(absl::StrCat(Base64Url(header), ".e30.AA")), "algorithm");
  }
}

// An issuer's public key is known to all: it must not serve as the secret of an HMAC.
TEST_F(JwsTest, APublicKeyIsNoSecret) {
  for (const char* algorithm : {"RS256", "ES256"}) {
    const TokenMaker issuer(algorithm);
    const std::string pem = issuer.PublicPem();
    for (const std::string& secret : {issuer.PublicBytes(), pem, pem.substr(0, pem.size() - 1), issuer.Jwk()}) {
      const std::string header = R"({"alg":"HS256","kid":"test"})";
      const TokenMaker forger("HS256", "test", secret);
      EXPECT_EQ(Fault(forger.Make(header, "{}"), KeysOf({forger})), "");
      EXPECT_EQ(Fault(forger.Make(header, "{}"), KeysOf({issuer})), "algorithm");
    }
  }
}

TEST_F(JwsTest, AKeyIsForOneAlgorithm) {
  for (const auto& [signs, verifies] :
       std::vector<std::pair<std::string, std::string>>{{"PS256", "RS256"}, {"RS256", "PS256"}, {"RS512", "RS256"}}) {
    EXPECT_EQ(Fault(TokenMaker(signs).Make("{}"), KeysOf({TokenMaker(verifies)})), "algorithm");
    // Both have the same key.
    const std::string header = absl::StrCat(R"({"alg":")", verifies, R"("})");
    EXPECT_EQ(Fault(TokenMaker(signs).Make(header, "{}"), KeysOf({TokenMaker(verifies)})), "bad_signature");
  }
}

TEST_F(JwsTest, TheTokenNamesItsKey) {
  const TokenMaker a("HS256", "a");
  const TokenMaker b("HS256", "b");
  const KeySet keys = KeysOf({a, b});
  EXPECT_EQ(Fault(a.Make("{}"), keys), "");
  EXPECT_EQ(Fault(b.Make("{}"), keys), "");
  EXPECT_EQ(Fault(a.Make(b.Header(), "{}"), keys), "bad_signature");
  EXPECT_EQ(Fault(a.Make(R"({"alg":"HS256","kid":"c"})", "{}"), keys), "unknown_key");
  EXPECT_EQ(Fault(a.Make(R"({"alg":"HS256"})", "{}"), keys), "unknown_key");
  EXPECT_EQ(Fault(a.Make(R"({"alg":"HS256","kid":["a"]})", "{}"), keys), "malformed");
  EXPECT_EQ(Fault(a.Make(R"({"alg":"HS256","kid":null})", "{}"), keys), "malformed");
  EXPECT_EQ(Fault(a.Make(R"({"alg":"HS256","kid":"a\u0000"})", "{}"), keys), "unknown_key");
  EXPECT_EQ(FaultOfHeader(R"({"alg":"HS256"})"), "") << "the only key";
}

TEST_F(JwsTest, RefusesHeadersThatChooseTheKeyOrWhatIsSigned) {
  const std::string jwk = TokenMaker("HS256").Jwk();
  for (const std::string& member :
       {absl::StrCat(R"("jwk":)", jwk), std::string(R"("jku":"https://evil.example/jwks")"),
        std::string(R"("x5u":"https://evil.example/x5u")"), std::string(R"("x5c":["AA"])"),
        std::string(R"("crit":["exp"])"), std::string(R"("crit":[])"), std::string(R"("b64":false)"),
        std::string(R"("b64":true)"), std::string(R"("zip":"DEF")"), std::string(R"("cty":"JWT")"),
        std::string(R"("cty":"application/jwt")"), std::string(R"("cty":1)")}) {
    EXPECT_EQ(FaultOfHeader(absl::StrCat(R"({"alg":"HS256",)", member, "}")), "malformed") << member;
  }
  EXPECT_EQ(FaultOfHeader(R"({"alg":"HS256","x5t":"AA","x5t#S256":"AA","cty":"json","mine":{"a":[1]}})"), "");
}

TEST_F(JwsTest, AHeaderIsOneShallowObject) {
  for (const char* header :
       {R"({"alg":"HS256","alg":"HS256"})", R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS256","\u0061lg":"none"})",
        R"({"alg":"HS256","a":{"b":1,"b":2}})", R"({"alg":"HS256","a":[[[[]]]]})", R"([{"alg":"HS256"}])", "{}",
        R"("HS256")", R"({"alg":["HS256"]})", R"({"alg":"HS256"}x)", R"({"alg":"HS256")", "\xff", "null"}) {
    EXPECT_EQ(FaultOfHeader(header), "malformed") << header;
  }
  EXPECT_EQ(FaultOfHeader(R"({"alg":"HS256","a":[[[]]]})"), "");
  EXPECT_EQ(FaultOfHeader(R"({"alg":"hs256"})"), "algorithm");
  EXPECT_EQ(FaultOfHeader(std::string(2000, '[')), "malformed");
}

TEST_F(JwsTest, HasThreePartsAndNothingElse) {
  const std::string good = maker_.Make("{}");
  const std::vector<std::string> parts = absl::StrSplit(good, '.');
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"), parts[0],
        absl::StrCat(parts[0], ".", parts[1]), absl::StrCat(parts[0], ".", parts[1], "."), good + ".", "." + good,
        absl::StrCat(good, ".", parts[2]), absl::StrCat(parts[0], "..", parts[2]),
        absl::StrCat(".", parts[1], ".", parts[2]), maker_.SignParts(parts[0], ""), maker_.SignParts("", parts[1]),
        absl::StrCat(R"({"payload":")", parts[1], R"(","protected":")", parts[0], R"(","signature":")", parts[2],
                     R"("})")}) {
    EXPECT_EQ(FaultOfToken(token), "malformed") << token;
  }
}

TEST_F(JwsTest, ThereIsOneWayToWriteAToken) {
  const std::vector<std::string> parts = absl::StrSplit(maker_.Make("{}"), '.');
  ASSERT_EQ(parts[1], "e30");
  for (const char* payload :
       {"e30=", "e31", "e3", "e30\n", " e30", "e3 0", "e30+", "e3/", "e30A0", "e30\r\n", "e30?"}) {
    EXPECT_EQ(FaultOfToken(maker_.SignParts(parts[0], payload)), "malformed") << payload;
  }
  for (const char* more : {"=", "==", "\n", " ", "\t", "AAA", "%"}) {
    EXPECT_NE(FaultOfToken(maker_.SignParts(parts[0] + more, parts[1])), "") << more;
    EXPECT_NE(FaultOfToken(absl::StrCat(parts[0], ".", parts[1], ".", parts[2], more)), "") << more;
  }
  EXPECT_EQ(FaultOfToken(maker_.SignParts(parts[0], std::string("e30\0", 4))), "malformed");
}

TEST_F(JwsTest, ASignatureIsOfItsTokenAndWhole) {
  for (const char* algorithm : {"HS256", "RS256", "PS256", "ES256"}) {
    const TokenMaker maker(algorithm);
    const KeySet keys = KeysOf({maker});
    const std::string input = absl::StrCat(Base64Url(maker.Header()), ".e30");
    std::string signature;
    ASSERT_TRUE(absl::WebSafeBase64Unescape(maker.Signature(input), &signature));
    const auto fault = [&](absl::string_view bytes) { return Fault(absl::StrCat(input, ".", Base64Url(bytes)), keys); };
    EXPECT_EQ(fault(signature), "");
    EXPECT_EQ(fault(signature.substr(1)), "bad_signature");
    EXPECT_EQ(fault(signature.substr(0, signature.size() - 1)), "bad_signature");
    EXPECT_EQ(fault(signature.substr(0, 16)), "bad_signature");
    EXPECT_EQ(fault(signature + '\0'), "bad_signature");
    EXPECT_EQ(fault(std::string(1, '\0') + signature), "bad_signature");
    EXPECT_EQ(fault(signature + signature), "bad_signature");
    EXPECT_EQ(fault(std::string(signature.size(), '\0')), "bad_signature");
    EXPECT_EQ(fault(std::string(signature.size(), '\xff')), "bad_signature");
    EXPECT_EQ(Fault(absl::StrCat(input, ".", maker.Signature("other")), keys), "bad_signature");
  }
}

TEST_F(JwsTest, AnEcdsaSignatureIsTwoNumbersOf32Bytes) {
  const TokenMaker maker("ES256");
  const KeySet keys = KeysOf({maker});
  const std::string input = absl::StrCat(Base64Url(maker.Header()), ".e30");
  std::string raw;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(maker.Signature(input), &raw));
  const auto fault = [&](absl::string_view bytes) { return Fault(absl::StrCat(input, ".", Base64Url(bytes)), keys); };
  const std::string r = raw.substr(0, 32);
  const std::string s = raw.substr(32);
  const std::string zero(32, '\0');
  EXPECT_EQ(fault(r + s), "");
  EXPECT_EQ(fault(zero + zero), "bad_signature");
  EXPECT_EQ(fault(zero + s), "bad_signature");
  EXPECT_EQ(fault(r + zero), "bad_signature");
  EXPECT_EQ(fault(s + r), "bad_signature");
  EXPECT_EQ(fault(absl::StrCat("0E\x02 ", r, "\x02 ", s)), "bad_signature") << "DER, or near it";
  EXPECT_EQ(fault(std::string(1, '\0') + r + std::string(1, '\0') + s), "bad_signature");
}

TEST_F(JwsTest, NoKindOfTokenPassesForAnother) {
  const auto fault = [this](absl::string_view type, const JwsKind& kind) {
    return Fault(maker_.Make(absl::StrCat(R"({"alg":"HS256")", type, "}"), "{}"), keys_, kind);
  };
  const JwsKind ticket{kTicket};
  for (const char* type : {R"(,"typ":"JWT")", R"(,"typ":"jwt")", R"(,"typ":"Application/JWT")", ""}) {
    EXPECT_EQ(fault(type, {kJwt, true}), "") << type;
    EXPECT_EQ(fault(type, ticket), "malformed") << type;
  }
  EXPECT_EQ(fault("", {kJwt}), "malformed");
  for (const char* type : {R"(,"typ":"atrium-ticket+jwt")", R"(,"typ":"APPLICATION/Atrium-Ticket+JWT")"}) {
    EXPECT_EQ(fault(type, ticket), "") << type;
    EXPECT_EQ(fault(type, {kJwt, true}), "malformed") << type;
  }
  for (const char* type : {R"(,"typ":"")", R"(,"typ":"application/")", R"(,"typ":"application/application/jwt")",
                           R"(,"typ":null)", R"(,"typ":["JWT"])", R"(,"typ":"text/jwt")", R"(,"typ":" JWT")"}) {
    EXPECT_EQ(fault(type, {kJwt, true}), "malformed") << type;
  }
}

TEST_F(JwsTest, IsOfLimitedSize) {
  const std::string token = maker_.Make("{}");
  EXPECT_THAT(VerifyJws(token, keys_, {kJwt, true}, token.size()), IsOk());
  EXPECT_THAT(VerifyJws(token, keys_, {kJwt, true}, token.size() - 1), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(FaultOfToken(maker_.Make(std::string(1'000'000, 'x'))), "malformed");
}

TEST_F(JwsTest, ErrorsRepeatNoSecretsAndStayShort) {
  const std::string token = maker_.Make("{}");
  const std::string changed = token.substr(0, token.size() - 2) + "AA";
  const absl::Status error = VerifyJws(changed, keys_, {kJwt, true}, kMaxBytes).status();
  EXPECT_EQ(error.message(), "the signature does not match");
  const std::string header = absl::StrCat(R"({"alg":"HS256","kid":"\n)", std::string(2000, 'k'), R"("})");
  const absl::Status unknown = VerifyJws(maker_.Make(header, "{}"), keys_, {kJwt, true}, kMaxBytes).status();
  EXPECT_EQ(FaultOf(unknown), TokenFault::kUnknownKey);
  EXPECT_LT(unknown.message().size(), 200);
  EXPECT_THAT(std::string(unknown.message()), Not(HasSubstr("\n")));
}

TEST_F(JwsTest, LeavesNoErrorsInOpenSsl) {
  for (const char* algorithm : {"RS256", "PS256", "ES256"}) {
    const TokenMaker maker(algorithm);
    const std::string token = maker.Make("{}");
    ERR_clear_error();
    EXPECT_EQ(Fault(maker.Make(maker.Header(), "{}").substr(0, token.size() - 8) + "AAAAAAAA", KeysOf({maker})),
              "bad_signature");
    EXPECT_EQ(ERR_peek_error(), 0) << algorithm;
  }
}

TEST_F(JwsTest, ThreadsShareAKey) {
  for (const char* algorithm : {"HS256", "RS256", "PS256", "ES256"}) {
    const TokenMaker maker(algorithm);
    const KeySet keys = KeysOf({maker});
    const std::string good = maker.Make("{}");
    const std::string bad = maker.SignParts(Base64Url(maker.Header()), "e30").substr(0, good.size() - 8) + "AAAAAAAA";
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 50; ++j) {
          EXPECT_EQ(Fault(good, keys), "");
          EXPECT_EQ(Fault(bad, keys), "bad_signature");
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(TokenFaultTest, IsReadBackFromItsError) {
  for (int i = 0; i < kTokenFaults; ++i) {
    const auto fault = static_cast<TokenFault>(i);
    const absl::Status error = TokenError(fault, "why");
    EXPECT_THAT(error, StatusIs(absl::StatusCode::kUnauthenticated, "why"));
    EXPECT_EQ(FaultOf(error), fault);
  }
  EXPECT_EQ(ErrorReason(TokenError(TokenFault::kNotYetValid, "")), "NOT_YET_VALID");
  EXPECT_EQ(FaultOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(FaultOf(absl::UnauthenticatedError("expired")), std::nullopt);
  EXPECT_EQ(FaultOf(MakeError(absl::StatusCode::kUnauthenticated, "PASSWORD", "")), std::nullopt);
  EXPECT_EQ(FaultOf(MakeError(absl::StatusCode::kInternal, "EXPIRED", "")), std::nullopt);
}

}  // namespace
}  // namespace atrium
