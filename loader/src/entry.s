# From a boot loader's 32-bit protected mode to 64-bit code.
#
# PVH and Multiboot2 both enter with flat segments, paging off, interrupts off and the address of
# their information in ebx. Nothing else is relied upon, the stack included.

.set MULTIBOOT2_MAGIC, 0xe85250d6
.set MULTIBOOT2_LOADED, 0x36d76289
.set DOOR_PVH, 1
.set DOOR_MULTIBOOT2, 2
.set STACK_SIZE, 0x40000
.set COM1, 0x3f8
.set VGA_TEXT, 0xb8000

# Multiboot2 header (specification 2.0, 3.1): modules on pages; a framebuffer where there is no text mode; end.
.section .multiboot2, "a"
.balign 8
multiboot2_header:
    .long MULTIBOOT2_MAGIC
    .long 0                             # architecture: i386 protected mode
    .long multiboot2_header_end - multiboot2_header
    .long -(MULTIBOOT2_MAGIC + (multiboot2_header_end - multiboot2_header))
    .balign 8
    .short 6, 0                         # modules are to be page-aligned
    .long 8
    .short 5, 1                         # a framebuffer, if possible
    .long 20
    .long 0, 0, 32                      # of any size, 32 bits per pixel
    .balign 8
    .short 4, 1                         # text mode is known, too
    .long 12
    .long 2
    .balign 8
    .short 0, 0                         # no more tags
    .long 8
multiboot2_header_end:

# XEN_ELFNOTE_PHYS32_ENTRY: where a virtual machine enters (PVH).
.section .note.pvh, "a", @note
.balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .quad pvh_entry

.section .text.entry, "ax"
.code32
.global pvh_entry
pvh_entry:
    mov edi, DOOR_PVH
    jmp 1f

.global multiboot2_entry
multiboot2_entry:
    mov edi, DOOR_MULTIBOOT2
    cmp eax, MULTIBOOT2_LOADED
    je 1f
    mov ebp, offset wrong_door
    jmp refuse

1:  cli
    cld
    mov esp, offset stack_top
    mov esi, ebx                        # the second argument of loader_main

    # 1. Long mode is there: CPUID 8000_0001h, edx bit 29. What else is needed is asked later.
    pushfd                              # CPUID exists if bit 21 of the flags can change
    pop eax
    mov ecx, eax
    xor eax, 1 << 21
    push eax
    popfd
    pushfd
    pop eax
    cmp eax, ecx
    mov ebp, offset no_long_mode
    je refuse
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb refuse
    mov eax, 0x80000001
    cpuid
    bt edx, 29
    jnc refuse

    # 2. Identity tables for the first 4 GiB in pages of 2 MiB.
    mov dword ptr [level4], offset level3 + 3
    mov eax, offset level2 + 3          # present, writable
    mov ecx, 0
2:  mov [level3 + ecx * 8], eax
    add eax, 4096
    inc ecx
    cmp ecx, 4
    jb 2b
    mov eax, 0x83                       # present, writable, large
    mov ecx, 0
3:  mov [level2 + ecx * 8], eax
    add eax, 0x200000
    inc ecx
    cmp ecx, 2048
    jb 3b

    # 3. Physical address extension, tables, long mode, paging.
    mov eax, cr4
    or eax, 1 << 5
    mov cr4, eax
    mov eax, offset level4
    mov cr3, eax
    mov ecx, 0xc0000080                 # EFER
    rdmsr
    or eax, 1 << 8                      # LME
    wrmsr
    mov eax, cr0
    or eax, 1 << 31 | 1 << 16           # PG, WP
    mov cr0, eax

    # 4. 64-bit segments.
    lgdt [gdt_pointer]
    mov eax, 0x08
    push eax
    mov eax, offset long_mode
    push eax
    retf

.code64
long_mode:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov edi, edi                        # zero the upper halves of the arguments
    mov esi, esi
    mov rsp, offset stack_top
    xor ebp, ebp
    call loader_main
4:  hlt
    jmp 4b

# Says the sentence at ebp on the serial port and in VGA text memory, then halts.
.code32
refuse:
    mov edi, VGA_TEXT
5:  mov al, [ebp]
    test al, al
    jz 8f
    mov ah, 0x4f                        # white on red
    mov [edi], ax
    add edi, 2
    mov ah, al
    mov ecx, 0x10000                    # a port that is not there must not hang us
6:  mov dx, COM1 + 5
    in al, dx
    test al, 0x20                       # transmitter empty
    jnz 7f
    dec ecx
    jnz 6b
7:  mov dx, COM1
    mov al, ah
    out dx, al
    inc ebp
    jmp 5b
8:  cli
    hlt
    jmp 8b

.section .rodata.entry, "a"
no_long_mode:  .asciz "bulkhead: cannot start: this processor has no long mode (64 bits)\r\n"
wrong_door:    .asciz "bulkhead: cannot start: the loader wants to be started with the command multiboot2\r\n"
.balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff            # 0x08: code, 64 bits
    .quad 0x00cf93000000ffff            # 0x10: data
gdt_pointer:
    .short gdt_pointer - gdt - 1
    .long gdt

.section .bss.entry, "aw", @nobits
.balign 4096
level4: .skip 4096
level3: .skip 4096
level2: .skip 4 * 4096
stack:  .skip STACK_SIZE
stack_top:

.code64
.text
