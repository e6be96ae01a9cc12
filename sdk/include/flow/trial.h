/* The extension of the host that tells a trial from a run. C11, as flow/abi.h. */
#ifndef FLOW_TRIAL_H
#define FLOW_TRIAL_H

/* flow_host.extension(FLOW_EXTENSION_TRIAL): not NULL while an instance is opened only to find out
 * whether it can be, as by `flowrun validate`, and is then destroyed. It checks what it can, and
 * takes nothing that only one can have, such as a port: the pipeline itself may be running. */
#define FLOW_EXTENSION_TRIAL "flow.trial/1"

#endif
