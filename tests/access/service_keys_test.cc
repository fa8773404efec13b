#include "server/access/service_keys.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/common/errors.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr absl::string_view kMethods[] = {"Emit", "GetState", "GetStats", "ListRooms"};
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

absl::StatusOr<ServiceKeys> Parse(absl::string_view yaml) { return ServiceKeys::Parse(yaml, kMethods); }

// Returns the secret of the key, whose random part is `c` again and again.
std::string SecretOf(absl::string_view id, char c) { return absl::StrCat("atk_", id, "_", std::string(43, c)); }

std::string Hex(absl::string_view secret) {
  const Sha256Digest digest = Sha256(secret);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// Returns an element of the list of keys. `rest` are further members, with their indentation.
std::string Key(absl::string_view id, char c, absl::string_view rest = "    scopes: [{methods: [\"*\"]}]\n") {
  return absl::StrCat("  - id: ", id, "\n    sha256: ", Hex(SecretOf(id, c)), "\n", rest);
}

// Returns the error of a file with a key with the scopes, which stand on line 4.
std::string ScopesError(absl::string_view scopes) {
  const absl::Status error =
      Parse(absl::StrCat("keys:\n", Key("shop", 'a', absl::StrCat("    scopes: ", scopes, "\n")))).status();
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kInvalidArgument)) << scopes;
  return std::string(error.message());
}

std::string FileError(absl::string_view yaml) {
  const absl::Status error = Parse(yaml).status();
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kInvalidArgument)) << yaml;
  return std::string(error.message());
}

// Returns the reason for which the secret is refused, or the subject that it is of.
std::string FoundBy(const ServiceKeys& keys, absl::string_view secret, absl::Time now = kNow) {
  const absl::StatusOr<std::shared_ptr<const ServiceIdentity>> found = keys.Find(secret, now);
  if (found.ok()) return (*found)->subject;
  EXPECT_THAT(found, StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(std::string(found.status().message()), Not(HasSubstr(std::string(17, 'a'))));
  return ErrorReason(found.status());
}

TEST(ServiceKeysTest, AFileSaysWhoMayDoWhat) {
  const ServiceKeys keys = *Parse(absl::StrCat("keys:\n", Key("shop", 'a', R"(    scopes:
      - methods: ["Emit", "Get*"]
        rooms: ["chat:*", geral]
      - methods: [ListRooms]
    expires: 2027-06-01T00:00:00.5+02:00
)"),
                                               Key("job", 'b')));
  ASSERT_EQ(keys.identities().size(), 2);
  const ServiceIdentity& shop = **keys.Find(SecretOf("shop", 'a'), kNow);
  EXPECT_EQ(&shop, keys.identities()[0].get());
  EXPECT_EQ(shop.subject, "key:shop");
  ASSERT_EQ(shop.scopes.size(), 2);
  EXPECT_THAT(shop.scopes[0].methods, testing::ElementsAre("Emit", "Get*"));
  ASSERT_EQ(shop.scopes[0].rooms->size(), 2);
  EXPECT_EQ(shop.scopes[0].rooms->at(0).text(), "chat:*");
  EXPECT_FALSE(shop.scopes[1].rooms.has_value());
  EXPECT_EQ(shop.expires, absl::FromUnixMillis(1'811'800'800'500));
  EXPECT_TRUE(shop.Allows("GetState", "chat:board", true));
  EXPECT_FALSE(shop.Allows("GetStats", "", false));
  const ServiceIdentity& job = **keys.Find(SecretOf("job", 'b'), kNow);
  EXPECT_EQ(job.expires, absl::InfiniteFuture());
  EXPECT_TRUE(job.Allows("GetStats", "", false));
}

TEST(ServiceKeysTest, AFileMayHaveNoKeys) {
  const ServiceKeys keys = *Parse("keys: []");
  EXPECT_TRUE(keys.identities().empty());
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'a')), "UNKNOWN_KEY");
  // What would match the digest that unknown ids are compared with is not known.
  EXPECT_EQ(FoundBy(ServiceKeys(), SecretOf("shop", 'a')), "UNKNOWN_KEY");
}

TEST(ServiceKeysTest, TheHashIsThatOfSha256sum) {
  // printf %s atk_shop_aaa... | sha256sum
  const std::string hex = "113e32a23688a80039ae9411a90dfd41d588aa40bffa434eb9dd8651047f82ef";
  EXPECT_EQ(Hex(SecretOf("shop", 'a')), hex);
  const std::string upper = absl::AsciiStrToUpper(hex);
  const ServiceKeys keys = *Parse(absl::StrCat("keys: [{id: shop, sha256: ", upper, ", scopes: [{methods: [Emit]}]}]"));
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'a')), "key:shop");
}

TEST(ServiceKeysTest, WhatIsNotASecretIsSaidToBeMalformed) {
  const ServiceKeys keys = *Parse(absl::StrCat("keys:\n", Key("shop", 'a')));
  const std::string secret = SecretOf("shop", 'a');
  const std::string random(43, 'a');
  ASSERT_EQ(FoundBy(keys, secret), "key:shop");
  for (const std::string& text : {std::string(),
                                  std::string("atk_"),
                                  std::string("atk_shop_"),
                                  random,
                                  "atk_" + random,
                                  "atk__" + random,
                                  "ATK_shop_" + random,
                                  " " + secret,
                                  secret + " ",
                                  secret + "\n",
                                  secret + "=",
                                  secret.substr(0, secret.size() - 1),
                                  "atk_shop" + random,
                                  "atk_sh/op_" + random,
                                  "atk_sh op_" + random,
                                  "atk_" + std::string(65, 'i') + "_" + random,
                                  "atk_shop_" + std::string(42, 'a') + "+",
                                  secret + std::string("\0", 1),
                                  std::string(100'000, 'a'),
                                  "atk_ol\xc3\xa1_" + random,
                                  "atk_shop_" + std::string(42, 'a') + "\xff"}) {
    EXPECT_EQ(FoundBy(keys, text), "MALFORMED") << text;
  }
}

TEST(ServiceKeysTest, ASecretIsThatOfItsKey) {
  const ServiceKeys keys = *Parse(absl::StrCat("keys:\n", Key("shop", 'a'), Key("job", 'b')));
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'b')), "BAD_SIGNATURE");
  EXPECT_EQ(FoundBy(keys, SecretOf("job", 'a')), "BAD_SIGNATURE");
  EXPECT_EQ(FoundBy(keys, SecretOf("Shop", 'a')), "UNKNOWN_KEY");
  EXPECT_EQ(FoundBy(keys, SecretOf("sho", 'a')), "UNKNOWN_KEY");
  EXPECT_EQ(FoundBy(keys, absl::StrReplaceAll(SecretOf("shop", 'a'), {{"aa", "aA"}})), "BAD_SIGNATURE");
}

TEST(ServiceKeysTest, AnIdMayHaveUnderscores) {
  const std::string id = "_a_b.C-9_";
  const ServiceKeys keys =
      *Parse(absl::StrCat("keys:\n", Key(id, '_'), Key(std::string(64, 'i'), 'b'), Key("42", 'c')));
  EXPECT_EQ(FoundBy(keys, SecretOf(id, '_')), "key:_a_b.C-9_");
  EXPECT_EQ(FoundBy(keys, SecretOf(std::string(64, 'i'), 'b')), absl::StrCat("key:", std::string(64, 'i')));
  EXPECT_EQ(FoundBy(keys, SecretOf("42", 'c')), "key:42");
}

// Somebody may show two secrets in one, or one in the place of the id.
TEST(ServiceKeysTest, AnErrorDoesNotTellASecret) {
  const ServiceKeys keys = *Parse(absl::StrCat("keys:\n", Key("x", 'a')));
  const std::string twice = SecretOf("x", 'a') + SecretOf("x", 'b');
  EXPECT_EQ(FoundBy(keys, twice), "UNKNOWN_KEY");
  EXPECT_EQ(FoundBy(keys, SecretOf("x", 'b')), "BAD_SIGNATURE");
  const absl::Status unknown = keys.Find(SecretOf("nobody", 'a'), kNow).status();
  EXPECT_EQ(unknown.message(), "no key has the id nobody");
}

TEST(ServiceKeysTest, AKeyExpires) {
  const ServiceKeys keys = *Parse(absl::StrCat(
      "keys:\n", Key("shop", 'a', "    scopes: [{methods: [Emit]}]\n    expires: 2027-01-01T00:00:00Z\n")));
  const absl::Time expires = absl::FromCivil(absl::CivilDay(2027, 1, 1), absl::UTCTimeZone());
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'a'), expires - absl::Nanoseconds(1)), "key:shop");
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'a'), expires), "EXPIRED");
  EXPECT_EQ(keys.Find(SecretOf("shop", 'a'), expires).status().message(),
            "the key with the id shop expired at 2027-01-01T00:00:00+00:00");
  // Who does not know the secret is not told.
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'b'), expires), "BAD_SIGNATURE");
}

TEST(ServiceKeysTest, KeysOfOneIdAreForRotation) {
  const std::string two =
      absl::StrCat("keys:\n", Key("shop", 'a', "    scopes: [{methods: [Emit]}]\n    expires: 2026-01-01T00:00:00Z\n"),
                   Key("shop", 'b'));
  const ServiceKeys keys = *Parse(two);
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'a')), "EXPIRED");
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'b')), "key:shop");
  EXPECT_EQ(FoundBy(keys, SecretOf("shop", 'c')), "BAD_SIGNATURE");

  std::string many = "keys:\n";
  for (char c = 'a'; c < 'i'; ++c) many += Key("shop", c);
  EXPECT_THAT(Parse(many), IsOk());
  EXPECT_EQ(FileError(many + Key("shop", 'i')), "keys[8].id: must not be that of more than 8 keys (line 26)");
}

TEST(ServiceKeysTest, NoHashStandsTwice) {
  const std::string again = absl::StrReplaceAll(Key("shop", 'a'), {{"id: shop", "id: other"}});
  EXPECT_EQ(FileError(absl::StrCat("keys:\n", Key("shop", 'a'), Key("job", 'b'), again)),
            "keys[2].sha256: must be another than that of keys[0] (line 9)");
}

TEST(ServiceKeysTest, IdsAndHashesHaveTheirForm) {
  const std::string hash(64, '1');
  const auto error = [](absl::string_view id, absl::string_view sha256) {
    return FileError(absl::StrCat("keys: [{id: ", id, ", sha256: ", sha256, ", scopes: [{methods: [Emit]}]}]"));
  };
  for (const std::string id : {"''", "a/b", "'a b'", "a:b", "ol\xc3\xa1", "\"a\\n\"", "\"*\""}) {
    EXPECT_EQ(error(id, hash), "keys[0].id: must be 1-64 letters, digits, underscores, dots, or hyphens (line 1)")
        << id;
  }
  EXPECT_THAT(error(std::string(65, 'a'), hash), StartsWith("keys[0].id: must be 1-64"));
  EXPECT_EQ(error("~", hash), "keys[0].id: must be text (line 1)");
  EXPECT_EQ(error("[a]", hash), "keys[0].id: must be text (line 1)");
  for (const std::string& sha256 : {std::string(63, '1'), std::string(65, '1'), std::string(64, 'g'),
                                    "0x" + std::string(62, '1'), SecretOf("shop", 'a')}) {
    EXPECT_EQ(error("a", sha256), "keys[0].sha256: must be 64 hex digits, as sha256sum prints them (line 1)");
  }
  EXPECT_EQ(error("a", "{a: b}"), "keys[0].sha256: must be text (line 1)");
  EXPECT_THAT(Parse(absl::StrCat("keys: [{id: 42, sha256: ", hash, ", scopes: [{methods: [Emit]}]}]")), IsOk());
}

TEST(ServiceKeysTest, WhatIsNeededIsThere) {
  EXPECT_EQ(FileError("{}"), "keys: must be there (line 1)");
  EXPECT_EQ(FileError("keys:\n"), "keys: must be a list of 0 to 10000 (line 1)");
  EXPECT_EQ(FileError("keys: {}\n"), "keys: must be a list of 0 to 10000 (line 1)");
  EXPECT_EQ(FileError("keys:\n  - {}\n"), "keys[0].id: must be there (line 2)");
  EXPECT_EQ(FileError("keys:\n  - {id: a}\n"), "keys[0].sha256: must be there (line 2)");
  EXPECT_EQ(FileError(absl::StrCat("keys:\n", Key("a", 'a', ""))), "keys[0].scopes: must be there (line 2)");
  EXPECT_EQ(FileError("keys: [shop]"),
            "keys[0]: must be a mapping with the members id, sha256, scopes, expires (line 1)");
  EXPECT_EQ(FileError("- a"), "file: must be a mapping with the members keys (line 1)");
  EXPECT_EQ(FileError(""), "file: must not be empty");
}

TEST(ServiceKeysTest, AMisspeltMemberIsFound) {
  EXPECT_EQ(FileError(absl::StrCat("keys:\n", Key("a", 'a'), "    rate: 5\n")),
            "keys[0].rate: is not known; what may stand there is id, sha256, scopes, expires (line 5)");
  EXPECT_EQ(ScopesError("[{methods: [Emit], room: [a]}]"),
            "keys[0].scopes[0].room: is not known; what may stand there is methods, rooms (line 4)");
  EXPECT_THAT(FileError("keys: []\nKeys: []\n"), StartsWith("Keys: is not known"));
  EXPECT_THAT(FileError(absl::StrCat("keys:\n", Key("a", 'a'), "    expire: 2020-01-01T00:00:00Z\n")),
              StartsWith("keys[0].expire: is not known"));
}

TEST(ServiceKeysTest, AScopeHasMethodsThatThereAre) {
  EXPECT_EQ(ScopesError("[]"), "keys[0].scopes: must be a list of 1 to 64 (line 4)");
  EXPECT_EQ(ScopesError("[{}]"), "keys[0].scopes[0].methods: must be there (line 4)");
  EXPECT_EQ(ScopesError("[{rooms: [a]}]"), "keys[0].scopes[0].methods: must be there (line 4)");
  for (const absl::string_view methods : {"Emit", "", "~", "[]", "{Emit: true}", "'*'"}) {
    EXPECT_EQ(ScopesError(absl::StrCat("[{methods: ", methods, "}]")),
              "keys[0].scopes[0].methods: must be a list of 1 to 64 (line 4)");
  }
  for (const absl::string_view method : {"Emitt", "emit", "''", "Ge*t", "'**'", "'*Emit'", "Set*", "Emit GetState"}) {
    EXPECT_EQ(
        ScopesError(absl::StrCat("[{methods: [Emit, ", method, "]}]")),
        "keys[0].scopes[0].methods[1]: matches no method; methods are Emit, GetState, GetStats, ListRooms (line 4)")
        << method;
  }
  for (const absl::string_view method : {"~", "[Emit]", "{Emit: a}"}) {
    EXPECT_EQ(ScopesError(absl::StrCat("[{methods: [", method, "]}]")),
              "keys[0].scopes[0].methods[0]: must be text (line 4)");
  }
}

TEST(ServiceKeysTest, RoomsArePatterns) {
  for (const absl::string_view rooms : {"[]", "", "'*'", "geral", "{a: b}"}) {
    EXPECT_EQ(ScopesError(absl::StrCat("[{methods: [Emit], rooms: ", rooms, "}]")),
              "keys[0].scopes[0].rooms: must be a list of 1 to 1000 (line 4)");
  }
  EXPECT_THAT(ScopesError("[{methods: [Emit], rooms: [a, 'a*b']}]"),
              AllOf(StartsWith("keys[0].scopes[0].rooms[1]: must be a room id"), HasSubstr(" (line 4)")));
  EXPECT_EQ(ScopesError("[{methods: [Emit], rooms: [~]}]"), "keys[0].scopes[0].rooms[0]: must be text (line 4)");
}

TEST(ServiceKeysTest, TimesAreThoseOfRfc3339) {
  const auto with_time = [](absl::string_view time) {
    return Parse(
        absl::StrCat("keys:\n", Key("a", 'a', "    scopes: [{methods: [Emit]}]\n"), "    expires: ", time, "\n"));
  };
  for (const absl::string_view time :
       {"2027-01-01T00:00:00Z", "\"2027-01-01T00:00:00Z\"", "2027-01-01T00:00:00.123456Z", "2028-02-29T23:59:59-03:00",
        "2027-01-01T00:00:00.0+00:00"}) {
    EXPECT_THAT(with_time(time), IsOk()) << time;
  }
  for (const absl::string_view time :
       {"", "~", "never", "infinite-future", "2027-01-01", "2027-01-01 00:00:00Z", "2027-01-01T00:00:00",
        "2027-01-01T00:00Z", "2027-13-01T00:00:00Z", "2027-02-29T00:00:00Z", "2027-01-01T24:00:00Z", "1800000000",
        "+2027-01-01T00:00:00Z", "2027-01-01T00:00:00+0200", "2027-01-01T00:00:00.Z", "2027-01-01T00:00:00ZZ",
        "\" 2027-01-01T00:00:00Z\"", "2027-1-1T00:00:00Z", "[2027-01-01T00:00:00Z]"}) {
    const absl::Status error = with_time(time).status();
    EXPECT_THAT(error, StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("keys[0].expires: must be "))) << time;
  }
}

TEST(ServiceKeysTest, SoManyKeysThereCanBe) {
  std::string many = "keys: [~";
  for (int i = 0; i < 10'000; ++i) many += ",~";
  EXPECT_EQ(FileError(many + "]"), "keys: must be a list of 0 to 10000 (line 1)");
  std::string keys = "keys:\n";
  for (int i = 0; i < 8000; ++i) {
    const std::string id = absl::StrCat("k", i);
    absl::StrAppend(&keys, "- {id: ", id, ", sha256: ", Hex(SecretOf(id, 'a')), ", scopes: [{methods: [Emit]}]}\n");
  }
  const ServiceKeys parsed = *Parse(keys);
  EXPECT_EQ(parsed.identities().size(), 8000);
  EXPECT_EQ(FoundBy(parsed, SecretOf("k7999", 'a')), "key:k7999");
}

TEST(ServiceKeysTest, AnErrorOfManyMethodsStillHasItsLine) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("AVeryLongNameOfAMethod", i));
  const std::vector<absl::string_view> methods(names.begin(), names.end());
  const std::string file = absl::StrCat("keys:\n", Key("a", 'a', "    scopes: [{methods: [Emit]}]\n"));
  EXPECT_THAT(std::string(ServiceKeys::Parse(file, methods).status().message()), testing::EndsWith(" (line 4)"));
}

TEST(ServiceKeysTest, AKeyIsKnownByItsBeginning) {
  EXPECT_TRUE(ServiceKeys::LooksLikeKey(SecretOf("shop", 'a')));
  EXPECT_TRUE(ServiceKeys::LooksLikeKey("atk_"));
  EXPECT_FALSE(ServiceKeys::LooksLikeKey(""));
  EXPECT_FALSE(ServiceKeys::LooksLikeKey("atk"));
  EXPECT_FALSE(ServiceKeys::LooksLikeKey("eyJhbGciOiJFZERTQSJ9.e30.c2ln"));
}

}  // namespace
}  // namespace atrium
