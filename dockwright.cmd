@echo off
rem Plans, renders, locks and checks a hierarchy of container images on Windows, and builds it with Docker Desktop:
rem     dockwright plan
rem     dockwright build-all --engine docker
rem The embedded engine (Buildah) is Linux: `wsl ./dockwright build-all` uses it.
rem
rem What it runs on (uv and the Python environment of uv.lock) is made once, in .dockwright\ and .venv\ beside this
rem file. No Windows was at hand when this file was written: it has not been run. What it starts is shared with the
rem shell wrapper and tested there.
setlocal

set "here=%~dp0"
set "here=%here:~0,-1%"

set "python="
where py >nul 2>nul && set "python=py -3"
if not defined python where python >nul 2>nul && set "python=python"
if not defined python (
    echo dockwright: there is no Python; install Python 3.11 or newer, for example by `winget install Python.Python.3.13` 1>&2
    exit /b 1
)

rem The tests need more than the commands do.
set "group=cli"
if /i "%~1"=="test" set "group=dev"

%python% -I "%here%\ci\cli\environment.py" "%here%" "%here%" %group%
if errorlevel 1 exit /b %errorlevel%

set "PATH=%here%\.dockwright\uv\bin;%PATH%"
"%here%\.venv\Scripts\python.exe" -I -c "import sys; sys.path.insert(0, sys.argv.pop(1)); from ci.cli.main import main; sys.exit(main())" "%here%" %*
exit /b %errorlevel%
