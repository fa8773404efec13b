#include "server/common/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace atrium {
namespace {

TEST(Utf8Test, TakesCharactersOfAllLengths) {
  for (const char* text : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "olá 👋"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  EXPECT_TRUE(IsUtf8(absl::string_view("\0", 1)));
  EXPECT_EQ(CountCharacters("olá 👋"), 5u);
}

TEST(Utf8Test, RefusesEverythingElse) {
  for (const char* text : {"\x80", "\xff", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf", "\xe2\x82",
                           "\xe2\x82x", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x91", "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80", "ol\xe1", "\xe2x\x82"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
    EXPECT_FALSE(IsUtf8(std::string("before ") + text + " behind")) << text;
  }
}

}  // namespace
}  // namespace atrium
