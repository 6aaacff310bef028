using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Jint;
using Jint.Native;
using Jint.Native.Object;
using Jint.Runtime;

namespace Bam.Tokenization.Chat;

/// <summary>
/// Renders Jinja templates by Hugging Face's npm package <c>@huggingface/jinja</c>, run by Jint, with Python's semantics of
/// values added by the modules in <c>Jinja/</c>. A template cannot reach the host, and time, memory and depth are limited. For
/// one thread at a time.
/// </summary>
internal sealed class JinjaEngine : IDisposable
{
    private const string Package = "jinja";
    private const string Entry = "template";

    private const string StackIsFull = "Maximum call stack size exceeded"; // Jint's error
    private static readonly Lazy<IReadOnlyDictionary<string, Prepared<Acornima.Ast.Module>>> Modules = new(Prepare);

    private readonly Engine engine;
    private readonly JsValue render;
    private readonly JsValue program;

    private readonly JinjaLimits limits;

    /// <summary>Compiles a template; messages name it <paramref name="where"/>.</summary>
    /// <exception cref="InvalidInputException">Its syntax is wrong, or Bam was built without the npm package.</exception>
    public JinjaEngine(string template, string where, JinjaLimits? limits = null)
    {
        this.limits = limits ??= new();
        if (!Modules.Value.ContainsKey(Package))
        {
            throw new InvalidInputException(
                where, "a build of Bam with the npm package @huggingface/jinja, which renders chat templates", "one without",
                "build again where the npm registry can be reached (touch src/Bam/Bam.csproj first)");
        }

        engine = new(options =>
        {
            options.Strict()
                .TimeoutInterval(limits.Time)
                .LimitMemory(limits.AllocatedBytes)
                .LimitRecursion(limits.Depth)
                .RegexTimeoutInterval(limits.Time);
            // The engine checks how much stack is left, and continues on another thread before it overflows.
            options.Constraints.MaxExecutionStackCount = limits.Depth;
        });
        foreach (var (name, module) in Modules.Value) engine.Modules.Add(name, builder => builder.AddModule(module));
        var exports = engine.Modules.Import(Entry);
        render = exports.Get("render");
        program = Guarded(where, () => engine.Invoke(exports.Get("compile"), template), isCompiled: false);
    }

    /// <summary>
    /// Renders with variables, JSON in the form of <see cref="JinjaValues"/>. Text of <c>generation</c> blocks is enclosed in the
    /// two marks.
    /// </summary>
    /// <exception cref="InvalidInputException">The template fails, refuses the messages or exceeds a limit.</exception>
    public string Render(string variables, char opening, char closing, DateTimeOffset now, string where) =>
        Guarded(
            where,
            () => engine.Invoke(render, program, variables, $"{opening}", $"{closing}", TimeFields(now)),
            isCompiled: true).AsString();

    public void Dispose() => engine.Dispose();

    private static string TimeFields(DateTimeOffset now) => string.Create(
        CultureInfo.InvariantCulture,
        $"[{now.Year},{now.Month},{now.Day},{now.Hour},{now.Minute},{now.Second},{now.Ticks / 10 % 1_000_000},"
            + $"{((int)now.DayOfWeek + 6) % 7},{now.DayOfYear}]");

    private JsValue Guarded(string where, Func<JsValue> work, bool isCompiled)
    {
        try
        {
            return work();
        }
        catch (JavaScriptException e) when (e.Message != StackIsFull)
        {
            throw Failure(where, isCompiled, e);
        }
        catch (Exception e) when (e is TimeoutException or RegexMatchTimeoutException)
        {
            throw TooMuch($"{limits.Time.TotalSeconds} s", e);
        }
        catch (MemoryLimitExceededException e)
        {
            throw TooMuch($"{limits.AllocatedBytes >> 20} MiB of memory", e);
        }
        catch (Exception e)
            when (e is RecursionDepthOverflowException or InsufficientExecutionStackException or JavaScriptException)
        {
            throw TooMuch("the allowed depth of calls", e);
        }

        InvalidInputException TooMuch(string limit, Exception e) =>
            new($"{where}: needs more than {limit}; use another template, or shorter messages", e);
    }

    private static InvalidInputException Failure(string where, bool isCompiled, JavaScriptException e)
    {
        var error = e.Error as ObjectInstance;
        var line = error?.Get("line") is JsNumber number ? $", line {(int)number.AsNumber()}" : "";
        // A fault of a value, such as a missing key, may be either's.
        var hint = !isCompiled || Has("isTemplateFault") ? "correct the template or use another"
            : "correct the messages or the template";
        var message = string.Join(' ', e.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return new InvalidInputException(
            Has("isRefusal") ? $"{where}{line}: refuses the messages: {message}" : $"{where}{line}: {message}; {hint}", e);

        bool Has(string mark) => error?.Get(mark) is JsBoolean flag && flag.AsBoolean();
    }

    private static Dictionary<string, Prepared<Acornima.Ast.Module>> Prepare()
    {
        const string prefix = "Bam.Tokenization.Chat.Jinja.";
        const string suffix = ".js";
        var assembly = typeof(JinjaEngine).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal))
            .ToDictionary(name => name[prefix.Length..^suffix.Length], name => Engine.PrepareModule(Read(assembly, name), name));
    }

    private static string Read(Assembly assembly, string name)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}

/// <summary>What one rendering may use.</summary>
internal sealed record JinjaLimits
{
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Of all allocations, garbage included.</summary>
    public long AllocatedBytes { get; init; } = 8L << 30;

    /// <summary>Nested calls of the interpreter's functions.</summary>
    public int Depth { get; init; } = 1000;
}
