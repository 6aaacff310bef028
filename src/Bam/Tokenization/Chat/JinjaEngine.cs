using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Jint;
using Jint.Native;
using Jint.Runtime;

namespace Bam.Tokenization.Chat;

/// <summary>
/// Renders Jinja templates by Hugging Face's npm package <c>@huggingface/jinja</c>, run by Jint, with Python's semantics of values
/// added by the modules in <c>Jinja/</c>. A template cannot reach the host, and time, memory and depth are limited. For one thread
/// at a time.
/// </summary>
internal sealed class JinjaEngine
{
    private const string Package = "jinja";
    private const string Entry = "template";
    private const int MaxDepth = 400;
    private const int StackBytes = 16 << 20;

    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(20);

    // Of all allocations of one rendering, garbage included.
    private const long MaxAllocatedBytes = 8L << 30;

    private static readonly Lazy<IReadOnlyDictionary<string, Prepared<Acornima.Ast.Module>>> Modules = new(Prepare);

    private readonly Engine engine;
    private readonly JsValue render;
    private readonly JsValue program;

    /// <summary>Compiles a template; messages name it <paramref name="where"/>.</summary>
    /// <exception cref="InvalidInputException">Its syntax is wrong, or Bam was built without the npm package.</exception>
    public JinjaEngine(string template, string where)
    {
        if (!Modules.Value.ContainsKey(Package))
        {
            throw new InvalidInputException(
                where, "a build of Bam with the npm package @huggingface/jinja, which renders chat templates", "one without",
                "build again where the npm registry can be reached (touch src/Bam/Bam.csproj first)");
        }

        engine = new(options => options
            .Strict()
            .TimeoutInterval(MaxTime)
            .LimitMemory(MaxAllocatedBytes)
            .LimitRecursion(MaxDepth)
            .RegexTimeoutInterval(MaxTime));
        foreach (var (name, module) in Modules.Value) engine.Modules.Add(name, builder => builder.AddModule(module));
        var exports = engine.Modules.Import(Entry);
        render = exports.Get("render");
        program = Guarded(where, () => engine.Invoke(exports.Get("compile"), template), "template");
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
            "messages").AsString();

    private static string TimeFields(DateTimeOffset now) => string.Create(
        CultureInfo.InvariantCulture,
        $"[{now.Year},{now.Month},{now.Day},{now.Hour},{now.Minute},{now.Second},{now.Ticks / 10 % 1_000_000},"
            + $"{((int)now.DayOfWeek + 6) % 7},{now.DayOfYear}]");

    private static JsValue Guarded(string where, Func<JsValue> work, string what)
    {
        try
        {
            return work();
        }
        catch (JavaScriptException e)
        {
            throw Failure(where, what, e);
        }
        catch (TimeoutException e)
        {
            throw new InvalidInputException($"{where}: takes longer than {MaxTime.TotalSeconds} s; use another template", e);
        }
        catch (Exception e) when (e is MemoryLimitExceededException or RecursionDepthOverflowException)
        {
            var limit = e is MemoryLimitExceededException ? "memory" : "levels of nesting";
            throw new InvalidInputException($"{where}: needs too {(limit == "memory" ? "much" : "many")} {limit}; use another template", e);
        }
    }

    private static InvalidInputException Failure(string where, string what, JavaScriptException e)
    {
        var error = e.Error as JsObject;
        var line = error?.Get("line") is JsNumber number ? $", line {(int)number.AsNumber()}" : "";
        var refuses = error?.Get("isRefusal") is JsBoolean refusal && refusal.AsBoolean();
        return new InvalidInputException(
            refuses ? $"{where}{line}: refuses the messages: {OneLine(e.Message)}" : $"{where}{line}: {OneLine(e.Message)}; mend the {what}",
            e);
    }

    private static string OneLine(string message) => string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

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
