# What is not a target: pipelines and documents, what 'flowrun docs' writes among them. The targets install themselves beside their definition.
# Components: 'runtime' (binary, plugins, pipelines, documents) and 'sdk' (headers and CMake package).

if(EXISTS ${PROJECT_SOURCE_DIR}/pipelines)
  install(DIRECTORY pipelines/ DESTINATION share/flowrun/pipelines COMPONENT runtime USE_SOURCE_PERMISSIONS)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs)
  install(
    DIRECTORY docs/
    DESTINATION share/doc/flowrun/docs
    COMPONENT runtime
    PATTERN "man" EXCLUDE
    PATTERN "completion" EXCLUDE)
endif()
install(
  FILES README.md LICENSE CHANGELOG.md
  DESTINATION share/doc/flowrun
  COMPONENT runtime
  OPTIONAL)
install(
  DIRECTORY plugins/
  DESTINATION share/doc/flowrun/plugins
  COMPONENT runtime
  FILES_MATCHING
  PATTERN "REFERENCE.md")
install(
  FILES docs/pipeline.schema.json
  DESTINATION share/flowrun
  COMPONENT runtime)
install(
  FILES docs/man/flowrun.1
  DESTINATION share/man/man1
  COMPONENT runtime)
install(
  FILES docs/completion/flowrun
  DESTINATION share/bash-completion/completions
  COMPONENT runtime)
