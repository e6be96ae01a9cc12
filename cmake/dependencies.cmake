# Every third-party library, found once here so that its targets are visible in all folders.
# scripts/packages.txt names the Debian packages. A target is linked only by what needs it: the engine's
# libraries by core, a plugin's library by that plugin alone.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# The engine. Boost.DLL runs on std::filesystem, so Boost is headers only.
find_package(TBB CONFIG REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS headers)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(civetweb CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
# Through pkg-config: the CMake package also demands libcurl, which only its push client uses.
pkg_check_modules(PROMETHEUS_CPP REQUIRED IMPORTED_TARGET prometheus-cpp-core)

# The plugins.
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(date CONFIG REQUIRED)
find_package(simdjson CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(zstd CONFIG REQUIRED)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl)
pkg_check_modules(MOSQUITTO REQUIRED IMPORTED_TARGET libmosquitto)
pkg_check_modules(MAXMINDDB REQUIRED IMPORTED_TARGET libmaxminddb)

if(FLOWRUN_BUILD_TESTS)
  find_package(GTest CONFIG REQUIRED)
endif()
if(FLOWRUN_BUILD_BENCH)
  find_package(benchmark CONFIG REQUIRED)
endif()
