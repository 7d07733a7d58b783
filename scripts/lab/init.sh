#!/bin/busybox sh
# Process 1 of the initramfs: the host's files below, a tmpfs above, so that everything can be
# written and nothing reaches the host but what goes to /lab.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" || echo "lab: $module does not load"; done \
  < /modules/order
share="trans=virtio,version=9p2000.L,msize=512000"
mount -t 9p -o "$share,cache=loose,ro" host /host || echo "lab: the host's files can't be mounted"
mount -t tmpfs -o size=75% copy /copy
mkdir /copy/upper /copy/work
mount -t overlay -o lowerdir=/host,upperdir=/copy/upper,workdir=/copy/work root /root
mkdir -p /root/lab /root/dev /root/proc /root/sys /root/run
mount -t 9p -o "$share" lab /root/lab
mount --move /dev /root/dev
mount --move /proc /root/proc
mount --move /sys /root/sys
exec switch_root /root /bin/sh /lab/guest.sh
