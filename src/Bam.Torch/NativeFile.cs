using System.Runtime.InteropServices;

namespace Bam.Torch;

/// <summary>Loads a library by its full path and notes what came of it.</summary>
internal static class NativeFile
{
    internal static bool TryLoad(string file, List<string> attempts, out nint handle)
    {
        handle = 0;
        try
        {
            handle = NativeLibrary.Load(file);
            attempts.Add($"{file}: loaded");
            return true;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            attempts.Add($"{file}: {e.Message.ReplaceLineEndings(" ").Trim()}");
            return false;
        }
    }
}
