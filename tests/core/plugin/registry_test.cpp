#include "core/plugin/registry.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "core/plugin/search_path.hpp"

namespace flowrun::registry_test {
namespace {

std::string abi_version() {
  return std::to_string(FLOW_ABI_MAJOR) + '.' + std::to_string(FLOW_ABI_MINOR);
}

namespace fs = std::filesystem;

const fs::path kTestPlugins = FLOWRUN_TEST_PLUGIN_DIR;

fs::path test_plugin(const std::string& name) { return kTestPlugins / (name + ".so"); }

// Why the library is refused, one reason a line, without the file in front.
std::string refusal(const fs::path& file) {
  try {
    PluginLibrary::load(file);
  } catch (const PluginError& error) {
    EXPECT_EQ(error.file(), file);
    std::string lines;
    for (const std::string& reason : error.reasons()) {
      EXPECT_NE(std::string(error.what()).find(file.string() + ": " + reason), std::string::npos);
      lines += reason + '\n';
    }
    return lines;
  }
  return "loaded";
}

class PluginTest : public ::testing::Test {
 protected:
  void SetUp() override {
    scratch_ = fs::path(::testing::TempDir()) / ("flowrun_plugins_" + std::to_string(::getpid()));
    fs::create_directories(scratch_);
  }
  void TearDown() override { fs::remove_all(scratch_); }

  fs::path write(const std::string& name, const std::string& content) {
    std::ofstream(scratch_ / name, std::ios::binary) << content;
    return scratch_ / name;
  }

  static std::string content_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  // A folder below the test's own with copies of test plugins.
  fs::path folder_with(const std::string& name, const std::vector<std::string>& plugins) {
    fs::create_directories(scratch_ / name);
    for (const std::string& plugin : plugins) {
      fs::copy_file(test_plugin(plugin), scratch_ / name / (plugin + ".so"));
    }
    return scratch_ / name;
  }

  fs::path scratch_;
};

TEST_F(PluginTest, ASoundPluginLoads) {
  const PluginLibrary& library = PluginLibrary::load(test_plugin("pass"));
  EXPECT_STREQ(library.plugin().id, "org.flowrun.test.pass");
  EXPECT_EQ(library.file(), test_plugin("pass"));
}

TEST_F(PluginTest, TheSameFileIsLoadedOnce) {
  const PluginLibrary& library = PluginLibrary::load(test_plugin("pass"));
  EXPECT_EQ(&PluginLibrary::load(kTestPlugins / "." / "pass.so"), &library);
  fs::create_symlink(test_plugin("pass"), scratch_ / "link.so");
  EXPECT_EQ(&PluginLibrary::load(scratch_ / "link.so"), &library);
}

TEST_F(PluginTest, AMissingFileIsRefused) {
  EXPECT_EQ(refusal(scratch_ / "none.so"), "there is no such file\n");
}

TEST_F(PluginTest, ADirectoryIsRefused) {
  EXPECT_EQ(refusal(scratch_), "is a directory, not a shared library\n");
}

TEST_F(PluginTest, ADeviceIsRefused) { EXPECT_EQ(refusal("/dev/zero"), "is not a regular file\n"); }

TEST_F(PluginTest, AnUnreadableFileIsRefused) {
  const fs::path file = write("locked.so", "x");
  fs::permissions(file, fs::perms::none);
  if (::access(file.c_str(), R_OK) == 0) {
    // The administrator reads everything, except what has nothing to give at its beginning.
    EXPECT_EQ(refusal("/proc/self/mem"), "cannot be read\n");
  } else {
    EXPECT_EQ(refusal(file), "cannot be read: Permission denied\n");
  }
}

TEST_F(PluginTest, WhatIsNoLibraryIsRefused) {
  const std::string expected = "is not a shared library: it does not begin with an ELF header\n";
  EXPECT_EQ(refusal(write("text.so", "this is text, no library\n")), expected);
  EXPECT_EQ(refusal(write("empty.so", "")), expected);
  EXPECT_EQ(refusal("/proc/self/exe").find("loaded"), std::string::npos);
}

TEST_F(PluginTest, ACutOffLibraryIsRefusedAndDoesNotCrash) {
  const std::string whole = content_of(test_plugin("pass"));
  ASSERT_GT(whole.size(), 1000u);
  for (const std::size_t size :
       {std::size_t{5}, std::size_t{63}, std::size_t{64}, std::size_t{300}, whole.size() / 4}) {
    EXPECT_EQ(refusal(write("cut.so", whole.substr(0, size))),
              "is not a whole shared library: the file is cut off\n")
        << size;
  }
}

TEST_F(PluginTest, ALibraryForAnotherMachineIsRefusedInTheLoadersWords) {
  std::string other = content_of(test_plugin("pass"));
  other[18] = 2;  // e_machine: SPARC
  other[19] = 0;
  const std::string reason = refusal(write("sparc.so", other));
  EXPECT_TRUE(reason.starts_with("cannot be loaded: ")) << reason;
  EXPECT_NE(reason.find("sparc.so"), std::string::npos) << reason;
  EXPECT_EQ(reason.find("dlerror"), std::string::npos) << reason;
}

TEST_F(PluginTest, ALibraryWithoutTheEntryIsRefused) {
  EXPECT_EQ(refusal(test_plugin("bad_no_entry")),
            "is not a plugin: it exports no symbol flow_plugin_entry\n");
}

TEST_F(PluginTest, AnotherMajorVersionIsRefusedWithBothVersions) {
  EXPECT_EQ(refusal(test_plugin("bad_abi_major")),
            "is built for version 2.3 of the plugin interface, and this flowrun has version " +
                abi_version() +
                ": "
                "rebuild the plugin with this SDK\n");
}

TEST_F(PluginTest, StructsThatAreTooSmallAreRefused) {
  EXPECT_EQ(refusal(test_plugin("bad_not_a_plugin_struct")),
            "its flow_plugin has 4 bytes, too few to tell its version: flow_plugin_entry is not a "
            "flow_plugin\n");
  EXPECT_EQ(refusal(test_plugin("bad_plugin_size")),
            "its flow_plugin has " + std::to_string(offsetof(flow_plugin, operators)) +
                " bytes, and version " + abi_version() + " has at least " +
                std::to_string(sizeof(flow_plugin)) + "\n");
  EXPECT_EQ(refusal(test_plugin("bad_descriptor_size")),
            "operator 1: its flow_descriptor has " +
                std::to_string(offsetof(flow_descriptor, options)) + " bytes, and version " +
                abi_version() + " has at least " + std::to_string(sizeof(flow_descriptor)) + "\n");
}

TEST_F(PluginTest, APluginSaysWhatItIs) {
  EXPECT_EQ(refusal(test_plugin("bad_empty")),
            "the plugin has no id\n"
            "the plugin has no version\n"
            "the plugin has no license\n"
            "the plugin has no create function\n"
            "the plugin offers no operators\n");
}

TEST_F(PluginTest, OperatorsDocumentThemselves) {
  EXPECT_EQ(refusal(test_plugin("bad_operator_texts")),
            "operator 1: has no name\n"
            "transform 'no_summary': has no summary\n"
            "transform 'no_doc': has no doc\n"
            "transform 'no_example': has no example_toml\n"
            "operator 5: its kind is 0, which is none\n"
            "transform 'no_input': has no input\n");
}

TEST_F(PluginTest, AnOperatorIsOfferedOnce) {
  EXPECT_EQ(refusal(test_plugin("bad_operator_twice")),
            "transform 'twice': the plugin offers it twice\n");
}

TEST_F(PluginTest, AnUndocumentedOptionIsRefused) {
  EXPECT_EQ(refusal(test_plugin("bad_undocumented_option")),
            "transform 'silent': option 'limit': has no doc: each option documents itself\n");
}

TEST_F(PluginTest, EachThingWrongWithOptionsIsTold) {
  EXPECT_EQ(refusal(test_plugin("bad_options")),
            "transform 'optional': option 'twice': is there twice\n"
            "transform 'optional': option 3: has no name\n"
            "transform 'optional': option 4: its flow_option has 8 bytes, and version " +
                abi_version() +
                " has at "
                "least " +
                std::to_string(sizeof(flow_option)) +
                "\n"
                "transform 'optional': option 'inputs': its name is the host's: every component "
                "has it\n"
                "transform 'optional': option 'unknown_type': its type is 99, which this flowrun "
                "does not know\n"
                "transform 'optional': option 'no_choices': is a choice without choices\n"
                "transform 'optional': option 8: is NULL\n"
                "transform 'optional': option 'empty_range': its range is empty: min is above "
                "max\n"
                "transform 'optional': option 'ranged_text': has a range, but is no number\n"
                "transform 'optional': option 'both': is required, and has a default, which is "
                "never used\n");
}

TEST_F(PluginTest, DefaultsMustFitTheirOption) {
  const std::string reasons = refusal(test_plugin("bad_defaults"));
  for (const char* reason :
       {"option 'syntax': default unquoted: the default is not TOML: ",
        "option 'several': default 1\nother = 2: the default is not a single value\n",
        "option 'wrong_type': default \"ten\": must be a whole number, and is a text\n",
        "option 'range': default \"1KiB\": must be between 4KiB and 8KiB, and is '1KiB'\n",
        "option 'unit': default \"10\": '10' has no unit\n",
        "option 'colour': default \"rde\": 'rde' is not one of \"red\" or \"green\"\n"}) {
    EXPECT_NE(reasons.find(reason), std::string::npos) << reason << "\nin\n" << reasons;
  }
}

TEST_F(PluginTest, ExamplesMustLoad) {
  const std::string reasons = refusal(test_plugin("bad_examples"));
  for (const char* reason :
       {"transform 'syntax': does not parse: example_toml:1:14: ",
        "transform 'unknown': example_toml:4:1: transforms.x.feild: unknown option of the "
        "transform 'unknown' (did you mean 'field'?)\n",
        "transform 'missing': example_toml:1:1: transforms.x.field: is required by the transform "
        "'missing', and missing (it is a field name)\n",
        "transform 'another': its example_toml has no component with type = \"another\"\n"}) {
    EXPECT_NE(reasons.find(reason), std::string::npos) << reason << "\nin\n" << reasons;
  }
}

TEST_F(PluginTest, PortsAreNamedAndFitTheKind) {
  EXPECT_EQ(refusal(test_plugin("bad_ports")),
            "transform 'ports': input 'in': its key_option 'key' is not an option that takes "
            "fields\n"
            "transform 'ports': output 'out' is there twice\n"
            "transform 'ports': output 3 has no name, or one that is not an identifier\n"
            "transform 'ports': output 4 is NULL\n"
            "source 'fed_source': is a source with an input\n"
            "codec 'idle_codec': is a codec that neither decodes nor encodes\n");
}

TEST_F(PluginTest, FailingOperatorsLoad) {
  Registry registry;
  registry.add(PluginLibrary::load(test_plugin("failing")));
  EXPECT_NE(registry.find(FLOW_TRANSFORM, "bad_open"), nullptr);
  EXPECT_NE(registry.find(FLOW_TRANSFORM, "bad_midstream"), nullptr);
}

class RegistryTest : public PluginTest {
 protected:
  static std::string error_of_load(Registry& registry, const std::string& name) {
    try {
      registry.load(name);
    } catch (const PluginError& error) {
      return error.what();
    }
    return "loaded";
  }
};

TEST_F(RegistryTest, OperatorsAreFoundByKindAndName) {
  Registry registry({kTestPlugins});
  registry.load("pass");
  registry.load("pass");
  EXPECT_EQ(registry.libraries().size(), 1u);
  const OfferedOperator* pass = registry.find(FLOW_TRANSFORM, "pass");
  ASSERT_NE(pass, nullptr);
  EXPECT_STREQ(pass->descriptor->name, "pass");
  EXPECT_EQ(pass->library->file(), test_plugin("pass"));
  EXPECT_EQ(registry.find(FLOW_SINK, "pass"), nullptr);
  EXPECT_EQ(registry.find(FLOW_TRANSFORM, "pas"), nullptr);
  ASSERT_EQ(registry.operators().size(), 1u);
}

TEST_F(RegistryTest, TheFirstFolderWithThePluginCounts) {
  const fs::path first = folder_with("first", {"failing"});
  const fs::path second = folder_with("second", {"failing", "pass"});
  Registry registry({scratch_ / "none", first, second});
  registry.load("failing");
  registry.load("pass");
  EXPECT_EQ(registry.libraries()[0]->file(), first / "failing.so");
  EXPECT_EQ(registry.libraries()[1]->file(), second / "pass.so");
}

TEST_F(RegistryTest, NamesMayStandForLibFilesAndPaths) {
  const fs::path folder = folder_with("lib", {"pass"});
  fs::rename(folder / "pass.so", folder / "libpass.so");
  Registry registry({folder});
  registry.load("pass");
  EXPECT_EQ(registry.libraries()[0]->file(), folder / "libpass.so");
  registry.load(test_plugin("failing").string());
  EXPECT_NE(registry.find(FLOW_TRANSFORM, "bad_open"), nullptr);
}

TEST_F(RegistryTest, AnUnknownPluginNamesTheFoldersAndTheNearest) {
  const fs::path folder = folder_with("some", {"pass", "failing"});
  Registry registry({folder, "/nowhere"});
  EXPECT_EQ(error_of_load(registry, "fialing"),
            "fialing.so: is in none of the plugin folders: " + folder.string() +
                " and /nowhere (does not exist) (did you mean 'failing'?)");
  Registry empty;
  EXPECT_EQ(error_of_load(empty, "x"), "x.so: is in none of the plugin folders: there are none");
}

TEST_F(RegistryTest, AnOperatorOfTwoPluginsNamesBothFilesAndAddsNothing) {
  Registry registry({kTestPlugins});
  registry.load("pass");
  EXPECT_EQ(error_of_load(registry, "bad_duplicate_operator"),
            test_plugin("bad_duplicate_operator").string() +
                ": offers the transform 'pass', which " + test_plugin("pass").string() +
                " offers too: load only one of the two, with `plugins` in [pipeline]");
  EXPECT_EQ(registry.find(FLOW_TRANSFORM, "other"), nullptr);
  EXPECT_EQ(registry.libraries().size(), 1u);
}

TEST_F(RegistryTest, LoadingAllTakesEveryLibraryAndReportsTheRefused) {
  const fs::path first = folder_with("first", {"pass", "bad_abi_major"});
  const fs::path second = folder_with("second", {"pass", "failing"});
  std::ofstream(second / "README.md") << "not looked at";
  std::ofstream(second / "text.so") << "refused";
  Registry registry({first, scratch_ / "none", second});
  const std::vector<PluginError> refused = registry.load_all();
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_EQ(refused[0].file(), first / "bad_abi_major.so");
  EXPECT_EQ(refused[1].file(), second / "text.so");
  ASSERT_EQ(registry.libraries().size(), 2u);
  EXPECT_EQ(registry.libraries()[0]->file(), first / "pass.so");
  EXPECT_EQ(registry.libraries()[1]->file(), second / "failing.so");
}

TEST(SearchPathTest, TheCommandLineComesFirstThenTheEnvironmentThenTheProgram) {
  ::setenv("FLOWRUN_PLUGIN_PATH", "/a::/b c:/d", 1);
  const std::vector<fs::path> folders = plugin_search_folders({"/x", "y"});
  ::unsetenv("FLOWRUN_PLUGIN_PATH");
  ASSERT_EQ(folders.size(), 7u);
  const std::vector<fs::path> first(folders.begin(), folders.begin() + 5);
  EXPECT_EQ(first, (std::vector<fs::path>{"/x", "y", "/a", "/b c", "/d"}));
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  EXPECT_EQ(folders[5], program / "plugins");
  EXPECT_EQ(folders[6], program.parent_path() / "lib" / "flowrun" / "plugins");
  EXPECT_EQ(plugin_search_folders({}).size(), 2u);
}

}  // namespace
}  // namespace flowrun::registry_test
