#include "server/common/errors.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "server/common/utf8.h"

namespace atrium {
namespace {

constexpr char kEllipsis[] = "\xe2\x80\xa6";

TEST(ErrorsTest, AnExcerptEndsBetweenCharacters) {
  EXPECT_EQ(Excerpt(""), "");
  EXPECT_EQ(Excerpt(std::string(128, 'a')), std::string(128, 'a'));
  EXPECT_EQ(Excerpt(std::string(129, 'a')), std::string(128, 'a') + kEllipsis);
  EXPECT_EQ(Excerpt(std::string(126, 'a') + "é"), std::string(126, 'a') + "é");
  EXPECT_EQ(Excerpt(std::string(127, 'a') + "é"), std::string(127, 'a') + kEllipsis);
  EXPECT_EQ(Excerpt(std::string(125, 'a') + "😀"), std::string(125, 'a') + kEllipsis);
}

TEST(ErrorsTest, AnExcerptCanBeShownWhateverItIsOf) {
  EXPECT_EQ(Excerpt("olá 👋"), "olá 👋");
  EXPECT_EQ(Excerpt("a\nb\x7f"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  EXPECT_EQ(Excerpt(absl::string_view("\0", 1)), "\xef\xbf\xbd");
  EXPECT_EQ(Excerpt("\xff\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_TRUE(IsUtf8(Excerpt(std::string(20'000, '\xff'))));
}

TEST(ErrorsTest, NoErrorIsLong) {
  const std::string text(20'000, 'x');
  const absl::Status error = MakeError(absl::StatusCode::kNotFound, text, text);
  EXPECT_EQ(error.message(), std::string(512, 'x') + kEllipsis);
  EXPECT_EQ(ErrorReason(error), std::string(128, 'x') + kEllipsis);
  const absl::Status field = PrefixField("emit", InvalidField(text, "unknown field"));
  EXPECT_EQ(ErrorField(field), absl::StrCat("emit.", std::string(123, 'x'), kEllipsis));
  EXPECT_EQ(field.message(), absl::StrCat(ErrorField(field), ": unknown field"));
}

}  // namespace
}  // namespace atrium
