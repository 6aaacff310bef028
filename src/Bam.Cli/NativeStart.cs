using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Bam.Cli;

/// <summary>
/// How the program of machine code differs. It has two verbs, and when it meets something that only the runtime can do, such as
/// a generic type that reflection asks for and that was not compiled, it begins again with the runtime.
/// </summary>
internal static partial class NativeStart
{
    /// <summary>Set by eng/start-native.sh: the program that runs an assembly.</summary>
    private const string DotnetVariable = "BAM_DOTNET";

    /// <summary>False in the program of machine code; its compiler leaves out what only the other verbs need.</summary>
    [FeatureSwitchDefinition("Bam.HasAllVerbs")]
    public static bool HasAllVerbs => !AppContext.TryGetSwitch("Bam.HasAllVerbs", out var has) || has;

    /// <summary>
    /// In a program of machine code, begins the same command again with the runtime, in the place of this process. Otherwise, and
    /// where that cannot be started, it returns.
    /// </summary>
    public static void BeginAgainWithRuntime()
    {
        if (RuntimeFeature.IsDynamicCodeSupported || Environment.GetEnvironmentVariable(DotnetVariable) is not { } dotnet) return;
        var assembly = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../Bam.Cli.dll"));
        if (!File.Exists(assembly)) return;
        Console.Out.Flush();
        _ = Execute(dotnet, ["dotnet", "exec", assembly, .. Environment.GetCommandLineArgs()[1..], null]);
    }

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, string?[] arguments);
}
