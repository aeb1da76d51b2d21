# Diagnostic tests for Remote Desktop. They change nothing.
#
#   .\diagnose.ps1                     on a server: its services, listener, certificate, key, firewall, clock
#   .\diagnose.ps1 -Server SRV1        on a client: name, TCP, X.224 and TLS of that server, without logging on
#   .\diagnose.ps1 -PassThru           objects instead of lines
[CmdletBinding()]
param(
    [string] $Server = #SERVER#,
    [ValidateRange(1, 65535)][int] $Port = #PORT#,
    # Test this machine's own service although a server is named.
    [switch] $Local,
    [switch] $PassThru
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

#LOOK#

#TESTS#

$self = @($env:COMPUTERNAME, 'localhost', '.', '')
if ($self -contains ($Server -split '\.')[0]) {
    Test-RdpServer
} else {
    if ($Local) { Test-RdpServer }
    if ($Server -notmatch '\A[\w.:-]+\z') { throw 'The name of the server holds characters that no host name has. Give it with -Server.' }
    Test-RdpReach $Server $Port
    if (-not $Local) { Test-RdpClock }
}
#ASK#
if ($PassThru) { $Results } else { Show-Results }
