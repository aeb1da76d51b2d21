[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High')]
param(
    # Does it. Without this switch every step is shown and nothing is changed.
    [switch] $Apply,
    # Takes it back.
    [switch] $Undo,
    # Goes on although a step failed.
    [switch] $KeepGoing,
    # Runs although this is not the machine that the remedy is for.
    [switch] $AnyHost,
    # Where the state before the first change is kept.
    [string] $Backup = (Join-Path $env:ProgramData 'rdpwhy\backup')#PARAMETERS#
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$Asker = $PSCmdlet
# Set when a value is missing: then steps are shown and not even looked at.
$ShowOnly = $false
$Id = #ID#
$Title = #TITLE#
$Summary = #SUMMARY#
$Risk = #RISK#
$UndoText = #UNDOTEXT#
$Verify = #VERIFY#
$RunOn = #RUNON#
$RunHost = #RUNHOST#
$BackupKeys = @(#KEYS#)
$BackupServices = @(#SERVICES#)
$BackupFirewall = #FIREWALL#
$BackupKeyFiles = #KEYFILES#

#LOOK#

#TESTS#

# A name goes to programs that take a quote or a blank for the end of an argument: only what names are made of passes.
function Assert-Name {
    param([string] $Parameter, [string] $Value, [string] $Says)
    if ($Value -eq '') {
        Deny-Value ('-{0} is needed: {1}' -f $Parameter, $Says)
    } elseif ($Value -notmatch '\A[\w.@:\\-]+\z') {
        Deny-Value ('-{0} holds characters that no name has; give the right one: {1}' -f $Parameter, $Says)
    }
}

function Assert-Value {
    param([string] $Parameter, [string] $Value, [string] $Says)
    if ($Value -eq '') {
        Deny-Value ('-{0} is needed: {1}' -f $Parameter, $Says)
    } elseif ($Value -match '["`$\r\n]') {
        Deny-Value ('-{0} may not hold quotes, dollar signs or line breaks: {1}' -f $Parameter, $Says)
    }
}

function Deny-Value {
    param([string] $Why)
    if ($Apply) { throw $Why }
    Write-Warning $Why
    $script:ShowOnly = $true
}

function Test-Elevated {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    return (New-Object Security.Principal.WindowsPrincipal($identity)).IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# What the steps are about to change, as it is now.
function Save-Before {
    if ($WhatIfPreference) { return }
    $into = Join-Path $Backup ('{0}-{1}' -f $Id, (Get-Date).ToUniversalTime().ToString('yyyyMMddTHHmmssZ'))
    [void] (New-Item -ItemType Directory -Force -Path $into)
    $n = 0
    foreach ($key in $BackupKeys) {
        $n += 1
        & reg.exe export $key (Join-Path $into ('registry-{0}.reg' -f $n)) /y 2>$null | Out-Null
        if ($LASTEXITCODE -ne 0) { Set-Content -LiteralPath (Join-Path $into ('registry-{0}.absent.txt' -f $n)) -Value $key }
    }
    if ($BackupServices.Count -gt 0) {
        Get-CimInstance -ClassName 'Win32_Service' | Where-Object { $BackupServices -contains $_.Name } |
            Select-Object Name, State, StartMode | Export-Clixml -LiteralPath (Join-Path $into 'services.xml')
    }
    if ($BackupFirewall) {
        & netsh.exe advfirewall export (Join-Path $into 'firewall.wfw') | Out-Null
    }
    if ($BackupKeyFiles) {
        $keys = Join-Path $env:ProgramData 'Microsoft\Crypto\RSA\MachineKeys'
        & icacls.exe (Join-Path $keys 'f686aace6942fb7f7ceb231212eef4a4_*') /save (Join-Path $into 'key-file-acl.txt') /c 2>$null | Out-Null
    }
    Write-Host ('Before the first change: {0}' -f $into)
}

function Invoke-Step {
    param([int] $Number, [string] $Shown, [bool] $Changes, [scriptblock] $Action)
    Write-Host ''
    Write-Host ('{0}. {1}' -f $Number, $Shown)
    if ($ShowOnly) { return }
    if ($Changes) {
        if (-not $Apply) {
            Write-Host '   dry run: not done; -Apply does it'
            return
        }
        if (-not $Asker.ShouldProcess($env:COMPUTERNAME, $Shown)) {
            Write-Host '   not done'
            return
        }
    }
    try {
        $global:LASTEXITCODE = 0
        & $Action | Out-Host
        if ($LASTEXITCODE -ne 0) { throw ('it ended with code {0}' -f $LASTEXITCODE) }
    } catch {
        if (-not $Changes -or $KeepGoing) {
            Write-Warning ('step {0}: {1}' -f $Number, $_)
        } else {
            throw ('step {0}: {1}. Nothing after it was done; -Undo takes back what was.' -f $Number, $_)
        }
    }
}

Write-Host $Title
Write-Host $Summary
if ($Risk) { Write-Host ('Risk: {0}' -f $Risk) }

if (-not $AnyHost -and $RunHost -ne '' -and $RunHost -match '[A-Za-z]' -and ($RunHost -split '\.')[0] -ne $env:COMPUTERNAME) {
    $what = 'This is for {0} ({1}), and this machine is {2}; -AnyHost runs it anyway.' -f $RunHost, $RunOn, $env:COMPUTERNAME
    if ($Apply) { throw $what }
    Write-Warning $what
}
if ($Apply -and -not $WhatIfPreference -and -not (Test-Elevated)) { throw 'Changes need an elevated PowerShell: run it as administrator.' }

if ($Undo) {
#UNDO#
    return
}

#CHECKS#
if ($Apply) { Save-Before }
#STEPS#

Write-Host ''
Write-Host ('It worked when: {0}' -f $Verify)
#AFTER#
