#include "server/access/yaml_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <sstream>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/common/errors.h"
#include "server/common/utf8.h"

namespace atrium {
namespace {

// The path of the whole is empty; this is said instead.
constexpr absl::string_view kWholeFile = "file";

std::string ItemPath(absl::string_view list, size_t index) { return absl::StrCat(list, "[", index, "]"); }

std::string MemberPath(absl::string_view mapping, absl::string_view name) {
  // A long name may be a secret in the wrong place.
  constexpr size_t kMaxShown = 32;
  constexpr size_t kShownOfLonger = 8;
  return absl::StrCat(mapping, mapping.empty() ? "" : ".",
                      Excerpt(name, name.size() > kMaxShown ? kShownOfLonger : kMaxShown));
}

absl::Status ErrorAt(absl::string_view path, int line, absl::string_view rule) {
  return InvalidField(path.empty() ? kWholeFile : path, absl::StrCat(rule, " (line ", line, ")"));
}

bool IsForbidden(char c) { return (c >= 0 && c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f; }

// The parser would take byte 4 for the end of the file, and what is not UTF-8 for UTF-16.
absl::Status CheckBytes(absl::string_view file) {
  if (file.size() > YamlNode::kMaxBytes) {
    return InvalidField(kWholeFile, absl::StrCat("must have at most ", YamlNode::kMaxBytes, " bytes"));
  }
  if (!IsUtf8(file)) return InvalidField(kWholeFile, "must be UTF-8");
  const auto* const bad = std::find_if(file.begin(), file.end(), IsForbidden);
  if (bad == file.end()) return absl::OkStatus();
  return ErrorAt(kWholeFile, static_cast<int>(std::count(file.begin(), bad, '\n')) + 1,
                 "must not hold control characters");
}

}  // namespace

struct YamlNode::Value {
  enum class Kind { kNothing, kText, kList, kMapping };

  Kind kind = Kind::kNothing;
  // Whether a text is without quotes.
  bool plain = false;
  int line = 0;
  std::string text;
  // These are the items of a list, or the members of a mapping, whose names are beside them.
  std::vector<Value> items;
  std::vector<std::string> names;
};

// Makes the value of a document from what the parser finds in it.
class YamlNode::Builder : public YAML::EventHandler {
 public:
  using Kind = Value::Kind;

  // Returns what was wrong with the document, beside its syntax.
  const absl::Status& status() const { return status_; }
  Value TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // The parser may find documents without end in text that is none.
    if (has_document_) Refuse("", mark, "must be one document");
    has_document_ = true;
  }
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    Refuse(NextPath(), mark, "must not be an alias");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Add(Kind::kNothing, mark, "?", anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (text.find('\0') != std::string::npos) Refuse(NextPath(), mark, "must not hold NUL");
    if (ExpectsName()) return AddName(mark, tag, anchor, text);
    Value& value = Add(Kind::kText, mark, tag, anchor);
    value.plain = tag == "?";
    value.text = text;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(Kind::kMapping, mark, tag, anchor);
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  // A list or mapping whose end is still to come. Until then nothing is added to what it stands in, so that it stays
  // where it is.
  struct Container {
    Value* value = nullptr;
    std::string path;
    absl::flat_hash_set<std::string> names;
    int name_line = 0;
  };

  bool ExpectsName() const {
    if (open_.empty() || open_.back().value->kind != Kind::kMapping) return false;
    return open_.back().value->names.size() == open_.back().value->items.size();
  }

  // Returns the path of what comes next; before a name that of the mapping.
  std::string NextPath() const {
    if (open_.empty()) return "";
    const Container& last = open_.back();
    if (last.value->kind == Kind::kList) return ItemPath(last.path, last.value->items.size());
    return ExpectsName() ? last.path : MemberPath(last.path, last.value->names.back());
  }

  // The parser, which knows no other way, is stopped by an exception of its own.
  [[noreturn]] void Refuse(absl::string_view path, const YAML::Mark& mark, absl::string_view rule) {
    status_ = ErrorAt(path, mark.line + 1, rule);
    throw YAML::ParserException(mark, "refused");
  }

  void CheckProperties(const YAML::Mark& mark, absl::string_view tag, YAML::anchor_t anchor) {
    if (anchor != 0) Refuse(NextPath(), mark, "must not have an anchor");
    // These stand for no tag, without and with quotes.
    if (!tag.empty() && tag != "?" && tag != "!") Refuse(NextPath(), mark, "must not have a tag");
  }

  void AddName(const YAML::Mark& mark, absl::string_view tag, YAML::anchor_t anchor, const std::string& name) {
    CheckProperties(mark, tag, anchor);
    Container& mapping = open_.back();
    if (!mapping.names.insert(name).second) Refuse(MemberPath(mapping.path, name), mark, "stands there twice");
    mapping.value->names.push_back(name);
    mapping.name_line = mark.line + 1;
  }

  Value& Add(Kind kind, const YAML::Mark& mark, absl::string_view tag, YAML::anchor_t anchor) {
    CheckProperties(mark, tag, anchor);
    if (ExpectsName()) Refuse(NextPath(), mark, "must have members whose names are text");
    Value& value = open_.empty() ? root_ : open_.back().value->items.emplace_back();
    value.kind = kind;
    const bool is_member = !open_.empty() && open_.back().value->kind == Kind::kMapping;
    value.line = is_member ? open_.back().name_line : mark.line + 1;
    return value;
  }

  void Open(Kind kind, const YAML::Mark& mark, absl::string_view tag, YAML::anchor_t anchor) {
    const std::string path = NextPath();
    if (open_.size() == kMaxDepth) {
      Refuse(path, mark, absl::StrCat("must not be a list or mapping, ", kMaxDepth, " levels down"));
    }
    Value& value = Add(kind, mark, tag, anchor);
    open_.push_back({.value = &value, .path = path});
  }

  absl::Status status_;
  bool has_document_ = false;
  Value root_;
  std::vector<Container> open_;
};

absl::StatusOr<YamlNode> YamlNode::Parse(absl::string_view file) {
  if (absl::Status bytes = CheckBytes(file); !bytes.ok()) return bytes;
  Builder builder;
  try {
    // With the end of the document written out, the parser sees that a quotation lacks its own.
    std::istringstream stream(absl::StrCat(file, absl::EndsWith(file, "\n") ? "" : "\n", "...\n"));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (!builder.status().ok()) return builder.status();
    // Behind a colon there may be a part of the file.
    const absl::string_view what = absl::string_view(error.msg).substr(0, error.msg.find(": "));
    return ErrorAt(kWholeFile, error.mark.line + 1, absl::StrCat("must be YAML; ", what));
  } catch (const std::exception&) {
    return InvalidField(kWholeFile, "must be YAML that can be read");
  }
  auto root = std::make_shared<Value>(builder.TakeRoot());
  if (root->kind == Value::Kind::kNothing) return InvalidField(kWholeFile, "must not be empty");
  return YamlNode(std::move(root), "");
}

absl::StatusOr<std::string> YamlNode::Text() const {
  if (value_->kind != Value::Kind::kText) return Error("must be text");
  return value_->text;
}

absl::StatusOr<bool> YamlNode::Flag() const {
  if (value_->plain && (value_->text == "true" || value_->text == "false")) return value_->text == "true";
  return Error("must be true or false");
}

absl::StatusOr<std::vector<YamlNode>> YamlNode::List(size_t least, size_t most) const {
  const size_t size = value_->items.size();
  if (value_->kind != Value::Kind::kList || size < least || size > most) {
    return Error(absl::StrCat("must be a list of ", least, " to ", most));
  }
  std::vector<YamlNode> items;
  for (size_t i = 0; i < size; ++i) items.push_back(Child(i, ItemPath(path_, i)));
  return items;
}

absl::StatusOr<YamlMembers> YamlNode::Members(std::initializer_list<absl::string_view> known) const {
  if (value_->kind != Value::Kind::kMapping) {
    return Error(absl::StrCat("must be a mapping with the members ", absl::StrJoin(known, ", ")));
  }
  for (size_t i = 0; i < value_->names.size(); ++i) {
    const std::string& name = value_->names[i];
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return ErrorAt(MemberPath(path_, name), value_->items[i].line,
                   absl::StrCat("is not known; what may stand there is ", absl::StrJoin(known, ", ")));
  }
  return YamlMembers(*this);
}

absl::Status YamlNode::Error(absl::string_view rule) const { return ErrorAt(path_, line(), rule); }

absl::Status YamlNode::WithLine(const absl::Status& error) const {
  return InvalidFieldWithText(path_, ErrorReason(error), absl::StrCat(error.message(), " (line ", line(), ")"));
}

int YamlNode::line() const { return value_->line; }

YamlNode YamlNode::Child(size_t index, std::string path) const {
  return {std::shared_ptr<const Value>(value_, &value_->items[index]), std::move(path)};
}

absl::StatusOr<YamlNode> YamlMembers::Get(absl::string_view name) const {
  if (std::optional<YamlNode> member = Find(name)) return *std::move(member);
  return ErrorAt(MemberPath(mapping_.path(), name), mapping_.line(), "must be there");
}

std::optional<YamlNode> YamlMembers::Find(absl::string_view name) const {
  const std::vector<std::string>& names = mapping_.value_->names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return mapping_.Child(found - names.begin(), MemberPath(mapping_.path(), name));
}

}  // namespace atrium
