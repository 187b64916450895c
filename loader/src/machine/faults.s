# Where the processor enters when the loader does what it must not: one entry of 16 bytes for each exception.

# Exceptions for which the processor pushes an error code (Intel SDM 3A, table 6-1): 8, 10 to 14, 17, 21, 29, 30.
.set WITH_CODE, 0x60227d00

.text
.balign 16
.global fault_entries
fault_entries:
.set number, 0
.rept 32
    .balign 16
    .if ((WITH_CODE >> number) & 1) == 0
    .byte 0x6a, 0                       # push 0 where there is no error code
    .endif
    .byte 0x6a, number                  # push the exception's number
    jmp fault_common
    .set number, number + 1
.endr

fault_common:
    cld
    mov rdi, rsp                        # what was pushed
    mov rsi, cr2                        # the address that could not be reached
    and rsp, -16
    call loader_fault
    ud2
