# Collects what rdpwhy needs from a Remote Desktop server or client, into one zip file.
#
#   .\collect.ps1                      says what it would collect, and writes nothing
#   .\collect.ps1 -Run                 collects
#   .\collect.ps1 -Run -Capture        and captures packets until a key is pressed, the time is up or the file is full
#
# Run it in an elevated PowerShell, 5.1 or 7; without rights some logs are missing. It exports event logs, which hold names of
# users and computers, and the state of the service. It reads no password, no private key and no document.
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    # Without it nothing is written.
    [switch] $Run,
    # Where the zip file goes.
    [string] $Folder = (Get-Location).ProviderPath,
    # How far back.
    [ValidateRange(1, 3650)][int] $Days = 14,
    # Packets too; pktmon is in Windows 10 2004, Server 2022 and later.
    [switch] $Capture,
    [ValidateRange(5, 86400)][int] $CaptureSeconds = 300,
    [ValidateRange(1, 4096)][int] $CaptureMegabytes = 256
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

#LOOK#

$Channels = @(
#CHANNELS#
)

$Number = 0
$Lines = New-Object 'System.Collections.Generic.List[string]'
$Computer = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
$Computer = $(if ($Computer.DomainName) { '{0}.{1}' -f $Computer.HostName, $Computer.DomainName } else { $Computer.HostName })

# One record of the state, in the shape of an event record, so that it is one more source beside the logs.
function Add-Record {
    param([int] $Id, [Collections.IDictionary] $Fields)
    $script:Number += 1
    $system = [ordered]@{
        Provider      = [ordered]@{ '#attributes' = [ordered]@{ Name = 'rdpwhy-collect' } }
        EventID       = $Id
        TimeCreated   = [ordered]@{ '#attributes' = [ordered]@{ SystemTime = (Get-Date).ToUniversalTime().ToString('o') } }
        EventRecordID = $script:Number
        Channel       = 'rdpwhy-collect/State'
        Computer      = $Computer
    }
    $kept = [ordered]@{}
    foreach ($name in $Fields.Keys) { if ($null -ne $Fields[$name]) { $kept[$name] = $Fields[$name] } }
    $record = [ordered]@{ Event = [ordered]@{ System = $system; EventData = $kept } }
    $script:Lines.Add((ConvertTo-Json -InputObject $record -Depth 8 -Compress))
}

function Save-State {
    param([string] $Path)
    Add-Record 1 (Get-RdpListener)
    foreach ($one in (Get-RdpCertificate)) { Add-Record 2 $one }
    foreach ($one in (Get-RdpService)) { Add-Record 3 $one }
    foreach ($one in (Get-RdpFirewall)) { Add-Record 4 $one }
    Add-Record 5 (Get-RdpClock)
    foreach ($one in (Get-RdpPolicy)) { Add-Record 6 $one }
    [IO.File]::WriteAllLines($Path, $script:Lines, (New-Object Text.UTF8Encoding $false))
}

# A log that does not exist on this Windows, or is off and empty, is no mistake.
function Save-Log {
    param([string] $Channel, [string] $Path)
    $query = "*[System[TimeCreated[timediff(@SystemTime) <= {0}]]]" -f ([long] $Days * 86400000)
    $said = & wevtutil.exe epl $Channel $Path "/q:$query" /ow:true 2>&1
    if ($LASTEXITCODE -ne 0) { Write-Verbose ('{0}: {1}' -f $Channel, ($said -join ' ')) }
}

function Save-Packets {
    param([string] $Into)
    $pktmon = Get-Command 'pktmon.exe' -ErrorAction SilentlyContinue
    if ($null -eq $pktmon) {
        Write-Warning 'pktmon is not in this Windows: capture with Wireshark or netsh trace instead.'
        return
    }
    $etl = Join-Path $Into 'capture.etl'
    $port = Get-RdpPort
    # Other people's capture is not disturbed: a filter of theirs or a running capture ends this one before it begins.
    $filters = @(& pktmon.exe filter list)
    if (($filters -join ' ') -match '\d') {
        Write-Warning 'pktmon has filters already: no capture. pktmon filter remove takes them away.'
        return
    }
    & pktmon.exe filter add 'rdpwhy' -p $port | Out-Null
    $began = Get-Date
    try {
        & pktmon.exe start --capture --pkt-size 0 --file-name $etl --file-size $CaptureMegabytes --log-mode circular | Out-Null
        if ($LASTEXITCODE -ne 0) {
            # As Windows 10 2004 and Server 2019 want it.
            & pktmon.exe start --etw --pkt-size 0 --file-name $etl --file-size $CaptureMegabytes | Out-Null
        }
        if ($LASTEXITCODE -ne 0) {
            Write-Warning 'pktmon does not start: a capture runs already, or this console is not elevated.'
            return
        }
        Write-Host ('Capturing port {0}. Let the failure happen now; any key ends it, else it ends after {1} seconds.' -f $port, $CaptureSeconds)
        while (((Get-Date) - $began).TotalSeconds -lt $CaptureSeconds) {
            Start-Sleep -Milliseconds 250
            $pressed = $false
            try { $pressed = [Console]::KeyAvailable } catch { $pressed = $false }
            if ($pressed) {
                [void] [Console]::ReadKey($true)
                break
            }
        }
    } finally {
        & pktmon.exe stop | Out-Null
        & pktmon.exe filter remove | Out-Null
    }
    if (Test-Path -LiteralPath $etl) {
        & pktmon.exe etl2pcap $etl --out (Join-Path $Into 'capture.pcapng') | Out-Null
        if ($LASTEXITCODE -eq 0) { Remove-Item -LiteralPath $etl }
    }
}

$name = 'rdpwhy-{0}-{1}' -f $env:COMPUTERNAME, (Get-Date).ToUniversalTime().ToString('yyyyMMddTHHmmssZ')
$zip = Join-Path $Folder ($name + '.zip')

if (-not $Run) {
    Write-Host 'Nothing is written without -Run. This is what would be collected:'
    foreach ($channel in $Channels) { Write-Host ('  log      {0}, the last {1} days' -f $channel, $Days) }
    Write-Host '  state    certificate and key file rights, listener, services, firewall rules, clock, policy: state.json'
    Write-Host '  sessions query session: sessions.txt'
    if ($Capture) { Write-Host ('  packets  port {0}, for {1} seconds or {2} MB' -f (Get-RdpPort), $CaptureSeconds, $CaptureMegabytes) }
    Write-Host ('  into     {0}' -f $zip)
    return
}
if (-not $PSCmdlet.ShouldProcess($zip, 'collect logs and state')) { return }

$work = Join-Path ([IO.Path]::GetTempPath()) $name
[void] (New-Item -ItemType Directory -Path $work)
try {
    if ($Capture) { Save-Packets $work }
    foreach ($channel in $Channels) {
        Write-Host ('log      {0}' -f $channel)
        Save-Log $channel (Join-Path $work (($channel -replace '/', '%4') + '.evtx'))
    }
    Write-Host 'state'
    Save-State (Join-Path $work 'state.json')
    try {
        & query.exe session 2>&1 | ForEach-Object { [string] $_ } | Set-Content -LiteralPath (Join-Path $work 'sessions.txt') -Encoding UTF8
    } catch {
        Write-Verbose 'query session does not answer'
    }
    Add-Type -AssemblyName 'System.IO.Compression.FileSystem'
    [IO.Compression.ZipFile]::CreateFromDirectory($work, $zip)
    Write-Host ('Written: {0}' -f $zip)
    Write-Host ('Next:    rdpwhy diagnose "{0}"' -f $zip)
} finally {
    Remove-Item -LiteralPath $work -Recurse -Force
}
