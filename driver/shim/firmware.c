// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Files of the system's that a driver may have when it starts, in an initramfs too: the firmware loader's. */
#include <linux/firmware.h>
#include <linux/module.h>
#include <linux/namei.h>
#include "host.h"

/* What makes an initramfs that has the module bring the file, too. */
MODULE_FIRMWARE(HOST_ANONYMOUS);

asmlinkage bool host_file_exists(const char *path)
{
	struct path found;

	if (kern_path(path, LOOKUP_FOLLOW, &found))
		return false;
	path_put(&found);
	return true;
}

/* No user space is asked for what is not there. */
asmlinkage int32_t host_firmware_take(const char *name, struct host_firmware *to)
{
	const struct firmware *firmware;
	int error = request_firmware_direct(&firmware, name, NULL);

	if (error)
		return error;
	*to = (struct host_firmware){ .handle = firmware, .data = firmware->data, .size = firmware->size };
	return 0;
}

asmlinkage void host_firmware_release(const void *handle)
{
	release_firmware(handle);
}
