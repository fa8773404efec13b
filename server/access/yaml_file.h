#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium {

class YamlMembers;

// A value in a configuration file, which shares the whole file. What it is read as is said by who reads it; an error
// names the place: `keys[2].scopes[0].methods[1]: must be text (line 14)`. It is immutable.
//
// A file is one YAML document of at most 1 MiB, in UTF-8. It may not do what makes a short file large or lets it mean
// what it does not seem to: anchors, aliases, tags, a member that stands twice, a second document, values that nest
// deeper than 16. An error does not repeat values, as they may be secrets.
class YamlNode {
 public:
  static constexpr size_t kMaxBytes = 1 << 20;
  static constexpr int kMaxDepth = 16;

  // Returns the value that the whole file is. It is not nothing.
  static absl::StatusOr<YamlNode> Parse(absl::string_view file);

  // Returns a text. Numbers and the like are texts as well, as they are written.
  absl::StatusOr<std::string> Text() const;
  // Returns true or false, which are written so, and without quotes.
  absl::StatusOr<bool> Flag() const;
  // Returns the items of a list of `least` to `most`.
  absl::StatusOr<std::vector<YamlNode>> List(size_t least, size_t most) const;
  // Returns the members of a mapping. An unknown one is an error, so that a restriction whose name is misspelt does not
  // go unheeded.
  absl::StatusOr<YamlMembers> Members(std::initializer_list<absl::string_view> known) const;

  // Returns INVALID_ARGUMENT that says that this breaks `rule`, and where it is.
  absl::Status Error(absl::string_view rule) const;
  // Returns `error`, which names this already, with the line.
  absl::Status WithLine(const absl::Status& error) const;

  // Returns where it stands in the file, such as `keys[2].id`; empty for the whole.
  const std::string& path() const { return path_; }
  // Lines count from 1. Of a member it is that of the name.
  int line() const;

 private:
  friend class YamlMembers;
  class Builder;
  struct Value;

  YamlNode(std::shared_ptr<const Value> value, std::string path) : value_(std::move(value)), path_(std::move(path)) {}

  YamlNode Child(size_t index, std::string path) const;

  // It keeps the whole file.
  std::shared_ptr<const Value> value_;
  std::string path_;
};

// The members of a mapping, all of which are known.
class YamlMembers {
 public:
  // Returns an error if there is no such member.
  absl::StatusOr<YamlNode> Get(absl::string_view name) const;
  // Returns nothing if there is no such member. One without a value is there.
  std::optional<YamlNode> Find(absl::string_view name) const;

 private:
  friend class YamlNode;
  explicit YamlMembers(YamlNode mapping) : mapping_(std::move(mapping)) {}

  YamlNode mapping_;
};

}  // namespace atrium
