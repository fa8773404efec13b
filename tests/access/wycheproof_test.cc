#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/access/jws.h"
#include "server/access/key_set.h"
#include "server/wire/json.h"

namespace atrium {
namespace {

constexpr absl::string_view kTypes[] = {"jwt"};

// Valid ones that are refused.
const std::map<int64_t, std::string>& Refused() {
  static const std::map<int64_t, std::string> refused = {
      {259, "an empty payload, which no token has"},
      {264, "an empty payload, which no token has"},
      {268, "an empty payload, which no token has"},
      {272, "an empty payload, which no token has"},
      {320, "an empty payload, which no token has"},
      {325, "an empty payload, which no token has"},
      {346, "PS384, while its key is for PS256"},
      {350, "PS384, while its key is for PS256"},
      {347, "a key on P-521"},
      {351, "a key on P-521"},
      {372, "a ? in the base64url of the header"},
      {373, "a ? in the base64url of the payload"},
  };
  return refused;
}

// These are called invalid, and are letter by letter what test 357 calls valid: what they tried has got lost.
const std::set<int64_t>& SameAsValid() {
  static const std::set<int64_t> same = {367, 370};
  return same;
}

json::value ReadVectors() {
  std::ifstream file(ATRIUM_WYCHEPROOF);
  std::stringstream text;
  text << file.rdbuf();
  json::error_code error;
  json::value vectors = json::parse(text.str(), error);
  return error ? json::value() : vectors;
}

std::string JwsOf(const json::value& vectors, int64_t id) {
  for (const json::value& group : vectors.at("testGroups").as_array()) {
    for (const json::value& test : group.at("tests").as_array()) {
      if (test.at("tcId") == id) return std::string(ToView(test.at("jws").as_string()));
    }
  }
  return "";
}

// Whether `jws` is taken where its key is the only one that there is. A secret stands where others have a private key.
bool IsTaken(const json::object& group, absl::string_view jws) {
  const json::value* const key = group.contains("public") ? group.if_contains("public") : group.if_contains("private");
  const absl::StatusOr<KeySet> keys = KeySet::Parse(absl::StrCat(R"({"keys":[)", ToJson(*key), "]}"));
  return keys.ok() && VerifyJws(jws, *keys, {kTypes, true}, 1 << 16).ok();
}

TEST(WycheproofTest, OnlyWhatIsValidIsTaken) {
  const json::value vectors = ReadVectors();
  ASSERT_TRUE(vectors.is_object()) << ATRIUM_WYCHEPROOF;
  std::map<std::string, int> results;
  const std::string same_jws = JwsOf(vectors, 357);
  for (const json::value& group : vectors.at("testGroups").as_array()) {
    for (const json::value& test : group.at("tests").as_array()) {
      const int64_t id = test.at("tcId").as_int64();
      const std::string result(ToView(test.at("result").as_string()));
      const std::string jws(ToView(test.at("jws").as_string()));
      ++results[result];
      const bool same = SameAsValid().count(id) != 0;
      EXPECT_EQ(jws == same_jws, same || id == 357) << id;
      const bool valid = result == "valid" ? Refused().count(id) == 0 : same;
      EXPECT_EQ(IsTaken(group.as_object(), jws), valid) << id << " " << test.at("comment");
    }
  }
  EXPECT_EQ(results, (std::map<std::string, int>{{"invalid", 355}, {"valid", 46}}));
}

}  // namespace
}  // namespace atrium
