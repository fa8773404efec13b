#include "server/access/client_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/access/token_fault.h"
#include "tests/support/matchers.h"
#include "tests/support/token_maker.h"

namespace atrium {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kNow = 1'800'000'000;

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

class ClientTokensTest : public ::testing::Test {
 protected:
  using Identity = absl::StatusOr<std::shared_ptr<const ClientIdentity>>;

  // Reads a token with the claims that it must have, and these instead or besides; the value "" leaves one out.
  Identity Read(std::map<std::string, std::string> changed = {}) const {
    changed.insert({{"iss", R"("issuer")"},
                    {"aud", R"("atrium")"},
                    {"sub", R"("ana")"},
                    {"iat", absl::StrCat(kNow)},
                    {"exp", absl::StrCat(kNow + 60)}});
    std::vector<std::string> members;
    for (const auto& [name, value] : changed) {
      if (!value.empty()) members.push_back(absl::StrCat("\"", name, "\":", value));
    }
    return ReadText(absl::StrCat("{", absl::StrJoin(members, ","), "}"));
  }
  Identity ReadText(absl::string_view claims) const { return ReadToken(maker_.Make(claims)); }
  Identity ReadToken(absl::string_view token) const {
    return ReadClientToken(token, keys_, rules_, absl::FromUnixSeconds(now_));
  }

  // Returns "fault: message", or "OK".
  std::string Error(const std::map<std::string, std::string>& changed) const { return ErrorOf(Read(changed)); }
  static std::string ErrorOf(const Identity& identity) {
    if (identity.ok()) return "OK";
    const std::optional<TokenFault> fault = FaultOf(identity.status());
    if (!fault) return identity.status().ToString();
    return absl::StrCat(TokenFaultName(*fault), ": ", identity.status().message());
  }

  int64_t now_ = kNow;
  TokenRules rules_{.issuer = "issuer", .audience = "atrium"};
  const TokenMaker maker_{"HS256"};
  const KeySet keys_ = *KeySet::Parse(maker_.Jwk());
};

TEST_F(ClientTokensTest, ReadsAllThatATokenSays) {
  const Identity identity = Read({{"jti", R"("t1")"},
                                  {"info", R"({"name":"Ana"})"},
                                  {"rooms", R"([{"room":"chat:*","can":["join","emit"]},
                                                {"room":"lobby","can":["call"],"methods":["read"]}])"},
                                  {"components", R"(["chat"])"},
                                  {"max_connections", "3"},
                                  {"scope", R"({"ignored":[1]})"}});
  ASSERT_THAT(identity, IsOk());
  const ClientIdentity& ana = **identity;
  EXPECT_EQ(ana.subject, "ana");
  EXPECT_EQ(ana.issuer, "issuer");
  EXPECT_EQ(ana.token_id, "t1");
  EXPECT_EQ(ana.issued, absl::FromUnixSeconds(kNow));
  EXPECT_EQ(ana.expires, absl::FromUnixSeconds(kNow + 60));
  EXPECT_EQ(ToJson(ana.info), R"({"name":"Ana"})");
  ASSERT_EQ(ana.grants.size(), 2);
  EXPECT_EQ(ana.grants[0].room.text(), "chat:*");
  EXPECT_TRUE(ana.grants[0].Has(GrantVerb::kJoin) && ana.grants[0].Has(GrantVerb::kEmit));
  EXPECT_FALSE(ana.grants[0].Has(GrantVerb::kCall));
  EXPECT_FALSE(ana.grants[0].methods);
  EXPECT_THAT(*ana.grants[1].methods, ElementsAre("read"));
  EXPECT_THAT(ana.components, ElementsAre("chat"));
  EXPECT_EQ(ana.max_connections, 3);
}

TEST_F(ClientTokensTest, NeedsLittle) {
  const Identity identity = Read();
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ((*identity)->token_id, "");
  EXPECT_TRUE((*identity)->info.empty());
  EXPECT_TRUE((*identity)->grants.empty());
  EXPECT_TRUE((*identity)->components.empty());
  EXPECT_FALSE((*identity)->max_connections);
}

TEST_F(ClientTokensTest, AnyAlgorithmServes) {
  for (const char* algorithm : {"RS256", "PS256", "ES256", "HS512"}) {
    const TokenMaker maker(algorithm);
    const std::string token = maker.Make(
        absl::StrCat(R"({"aud":"atrium","sub":"ana","iat":)", kNow, R"(,"exp":)", kNow + 60, R"(,"iss":"issuer"})"));
    EXPECT_THAT(ReadClientToken(token, *KeySet::Parse(Jwks({maker})), rules_, absl::FromUnixSeconds(kNow)), IsOk());
  }
}

TEST_F(ClientTokensTest, ATicketIsNoToken) {
  const auto read = [this](absl::string_view type) {
    return ErrorOf(ReadToken(maker_.Make(
        absl::StrCat(R"({"alg":"HS256")", type, "}"),
        absl::StrCat(R"({"aud":"atrium","sub":"a","iat":)", kNow, R"(,"exp":)", kNow + 60, R"(,"iss":"issuer"})"))));
  };
  for (const char* type : {"", R"(,"typ":"JWT")", R"(,"typ":"at+jwt")", R"(,"typ":"application/AT+JWT")"}) {
    EXPECT_EQ(read(type), "OK") << type;
  }
  for (const char* type : {R"(,"typ":"atrium-ticket+jwt")", R"(,"typ":"application/atrium-ticket+jwt")",
                           R"(,"typ":"logout+jwt")", R"(,"typ":"")"}) {
    EXPECT_THAT(read(type), StartsWith("malformed: header: a token of typ")) << type;
  }
}

TEST_F(ClientTokensTest, ChecksTheIssuer) {
  EXPECT_EQ(Error({{"iss", R"("other")"}}), "wrong_issuer: iss: must be \"issuer\"");
  EXPECT_THAT(Error({{"iss", ""}}), StartsWith("wrong_issuer"));
  EXPECT_THAT(Error({{"iss", R"("issuer ")"}}), StartsWith("wrong_issuer"));
  EXPECT_EQ(Error({{"iss", R"(["issuer"])"}}), "invalid_claim: iss: must be a string");
  rules_.issuer.clear();
  EXPECT_EQ((*Read({{"iss", R"("other")"}}))->issuer, "other");
  EXPECT_EQ((*Read({{"iss", ""}}))->issuer, "");
  EXPECT_THAT(Error({{"iss", "1"}}), StartsWith("invalid_claim"));
}

TEST_F(ClientTokensTest, ChecksTheAudience) {
  EXPECT_EQ(Error({{"aud", R"(["other","atrium"])"}}), "OK");
  const std::string wrong = "wrong_audience: aud: must be, or hold, \"atrium\"";
  for (const char* audience : {"", R"("other")", "[]", R"(["other"])", R"("Atrium")", R"("atrium,other")"}) {
    EXPECT_EQ(Error({{"aud", audience}}), wrong) << audience;
  }
  EXPECT_EQ(Error({{"aud", R"(["atrium",1])"}}), "invalid_claim: aud[1]: must be a string");
  for (const char* audience : {"null", "1", R"({"atrium":1})"}) {
    EXPECT_EQ(Error({{"aud", audience}}), "invalid_claim: aud: must be a list of strings") << audience;
  }
}

TEST_F(ClientTokensTest, TimesAreWholeNumbers) {
  for (const char* name : {"iat", "exp", "nbf"}) {
    for (const char* time : {R"("1800000000")", "1800000000.5", "-1", "null", "true", "[1800000000]", "253402300800",
                             "1e300", "9223372036854775807", "18446744073709551616"}) {
      EXPECT_THAT(Error({{name, time}}), AllOf(StartsWith("invalid_claim: "), HasSubstr(absl::StrCat(name, ": "))))
          << time;
    }
  }
  EXPECT_EQ(Error({{"iat", ""}}), "invalid_claim: iat: is missing");
  EXPECT_EQ(Error({{"exp", ""}}), "invalid_claim: exp: is missing");
  EXPECT_EQ(Error({{"iat", "1.8e9"}, {"exp", "1800000060.0"}}), "OK") << "whole, however it is written";
}

TEST_F(ClientTokensTest, ExpiresAndIsNotYetValidWithinTheLeeway) {
  now_ = kNow + 60 + 30;
  EXPECT_EQ(Error({}), "OK");
  ++now_;
  EXPECT_EQ(Error({}), "expired: exp: the token expired at 2027-01-15T08:01:00+00:00");
  now_ = kNow - 30;
  EXPECT_EQ(Error({}), "OK");
  --now_;
  EXPECT_THAT(Error({}), StartsWith("not_yet_valid: iat: the token is valid from 2027-01-15T08:00:00+00:00 on"));
  now_ = kNow;
  EXPECT_EQ(Error({{"nbf", absl::StrCat(kNow + 30)}}), "OK");
  EXPECT_THAT(Error({{"nbf", absl::StrCat(kNow + 31)}}), StartsWith("not_yet_valid: nbf: "));
}

TEST_F(ClientTokensTest, LivesForALimitedTime) {
  EXPECT_EQ(Error({{"exp", absl::StrCat(kNow + 86400)}}), "OK");
  EXPECT_EQ(Error({{"exp", absl::StrCat(kNow + 86401)}}), "invalid_claim: exp: must be at most 24h after iat");
  EXPECT_EQ(Error({{"exp", "253402300799"}}), "invalid_claim: exp: must be at most 24h after iat");
  EXPECT_EQ(Error({{"exp", absl::StrCat(kNow)}}), "invalid_claim: exp: must be later than iat");
  rules_.max_ttl = absl::Seconds(59);
  EXPECT_THAT(Error({}), StartsWith("invalid_claim: exp: "));
}

TEST_F(ClientTokensTest, NamesAreShortAndPrintable) {
  EXPECT_EQ(Error({{"sub", ""}}), "invalid_claim: sub: is missing");
  for (const char* name : {"sub", "jti"}) {
    const std::string claim = absl::StrCat("invalid_claim: ", name, ": ");
    EXPECT_EQ(Error({{name, absl::StrCat("\"", std::string(128, 'x'), "\"")}}), "OK");
    EXPECT_EQ(Error({{name, absl::StrCat("\"", std::string(129, 'x'), "\"")}}), claim + "must have 1 to 128 bytes");
    EXPECT_EQ(Error({{name, R"("")"}}), claim + "must have 1 to 128 bytes");
    EXPECT_EQ(Error({{name, R"("a\nb")"}}), claim + "has a control character");
    EXPECT_EQ(Error({{name, R"("a\u0000")"}}), claim + "has a control character");
    EXPECT_EQ(Error({{name, R"("a\u007f")"}}), claim + "has a control character");
    EXPECT_EQ(Error({{name, "7"}}), claim + "must be a string");
    EXPECT_EQ(Error({{name, R"("José 👋")"}}), "OK");
    EXPECT_THAT(Error({{name, "\"\xff\""}}), StartsWith("invalid_claim: payload: "));
    EXPECT_THAT(Error({{name, R"("\ud800")"}}), StartsWith("invalid_claim: payload: "));
  }
}

TEST_F(ClientTokensTest, ClaimsAreOneObjectWithoutDuplicates) {
  const std::string twice = absl::StrCat(R"({"aud":"atrium","sub":"ana","iat":)", kNow, R"(,"exp":)", kNow + 60,
                                         R"(,"iss":"issuer","s\u0075b":"root"})");
  EXPECT_EQ(ErrorOf(ReadText(twice)), "invalid_claim: payload: member \"sub\" stands twice in an object");
  EXPECT_THAT(Error({{"info", R"({"a":{"b":1,"b":2}})"}}), HasSubstr("member \"b\" stands twice"));
  for (const char* payload : {"[]", "null", "1", "\"x\"", "{", "{}x", "not JSON", "\xef\xbb\xbf{}"}) {
    EXPECT_THAT(ErrorOf(ReadText(payload)), StartsWith("invalid_claim: payload: ")) << payload;
  }
}

TEST_F(ClientTokensTest, BombsAreRefused) {
  EXPECT_THAT(Error({{"deep", Nested(16)}}), HasSubstr("nests too deep (max 16)"));
  EXPECT_EQ(Error({{"deep", Nested(15)}}), "OK");
  EXPECT_THAT(ErrorOf(ReadText(std::string(2500, '['))), HasSubstr("nests too deep"));
  EXPECT_EQ(Error({{"long", absl::StrCat("\"", std::string(4000, 'x'), "\"")}}),
            "malformed: a token has at most 4096 bytes");
  EXPECT_EQ(ErrorOf(ReadToken(std::string(10'000'000, '.'))), "malformed: a token has at most 4096 bytes");
}

TEST_F(ClientTokensTest, InfoIsASmallObject) {
  const auto info = [](size_t bytes) { return absl::StrCat(R"({"a":")", std::string(bytes - 8, 'x'), R"("})"); };
  rules_.max_bytes = 10'000;
  EXPECT_EQ(Error({{"info", info(2048)}}), "OK");
  EXPECT_EQ(Error({{"info", info(2049)}}), "invalid_claim: info: must have at most 2048 bytes");
  EXPECT_EQ(Error({{"info", R"({"a":[[[]]]})"}}), "OK");
  EXPECT_EQ(Error({{"info", R"({"a":[[[[]]]]})"}}), "invalid_claim: info: nests too deep (max 4)");
  for (const char* wrong : {"null", "[]", R"("Ana")"}) {
    EXPECT_EQ(Error({{"info", wrong}}), "invalid_claim: info: must be an object") << wrong;
  }
}

TEST_F(ClientTokensTest, GrantsAreUnderstoodInFull) {
  const auto error = [this](absl::string_view grant) {
    return Error({{"rooms", absl::StrCat(R"([{"room":"a","can":[]},)", grant, "]")}});
  };
  const std::string at = "invalid_claim: rooms[1]";
  EXPECT_EQ(error(R"({"room":"b*","can":["join","emit","set_state","call","watch","history","members"]})"), "OK");
  EXPECT_EQ(error("7"), at + ": must be an object");
  EXPECT_EQ(error(R"({"can":[]})"), at + ".room: must be a string");
  EXPECT_THAT(error(R"({"room":"b\nc","can":[]})"), StartsWith(at + ".room: "));
  EXPECT_THAT(error(R"({"room":"","can":[]})"), StartsWith(at + ".room: "));
  EXPECT_THAT(error(R"({"room":"a*b","can":[]})"), StartsWith(at + ".room: "));
  EXPECT_EQ(error(R"({"room":"b"})"), at + ".can: is missing");
  EXPECT_EQ(error(R"({"room":"b","can":"join"})"), at + ".can: must be a list of strings");
  EXPECT_THAT(error(R"({"room":"b","can":["joins"]})"), StartsWith(at + ".can[0]: "));
  EXPECT_EQ(error(R"({"room":"b","can":["join",7]})"), at + ".can[1]: must be a string");
  EXPECT_EQ(error(R"({"room":"b","can":["call"],"methods":"read"})"), at + ".methods: must be a list of strings");
  EXPECT_EQ(error(R"({"room":"b","can":["call"],"methods":[null]})"), at + ".methods[0]: must be a string");
  EXPECT_EQ(error(R"({"room":"b","can":["call"],"method":["read"]})"), at + ".method: is unknown")
      << "a misspelt restriction must not widen";
  EXPECT_EQ(Error({{"rooms", "{}"}}), "invalid_claim: rooms: must be a list");
}

TEST_F(ClientTokensTest, GrantsAreLimitedInNumber) {
  const auto grants = [](size_t count) {
    return absl::StrCat("[", absl::StrJoin(std::vector<std::string>(count, R"({"room":"a","can":[]})"), ","), "]");
  };
  EXPECT_EQ(Error({{"rooms", grants(100)}}), "OK");
  rules_.max_bytes = 10'000;
  EXPECT_EQ(Error({{"rooms", grants(101)}}), "invalid_claim: rooms: may have 100 elements, not more");
}

TEST_F(ClientTokensTest, LimitsAreSane) {
  EXPECT_EQ(Error({{"components", "[]"}}), "OK");
  EXPECT_EQ(Error({{"components", R"("chat")"}}), "invalid_claim: components: must be a list of strings");
  EXPECT_EQ(Error({{"components", "[1]"}}), "invalid_claim: components[0]: must be a string");
  for (const char* count : {"1", "1000"}) EXPECT_EQ(Error({{"max_connections", count}}), "OK");
  for (const char* count : {"0", "1001", "-1", "1.5", R"("1")", "null"}) {
    EXPECT_EQ(Error({{"max_connections", count}}),
              "invalid_claim: max_connections: must be a whole number from 1 to 1000")
        << count;
  }
}

TEST_F(ClientTokensTest, WhatIsWrongWithTheSignatureIsSaidFirst) {
  const TokenMaker other("HS256");
  EXPECT_EQ(ErrorOf(ReadToken(other.Make("{}"))), "bad_signature: the signature does not match");
}

}  // namespace
}  // namespace atrium
