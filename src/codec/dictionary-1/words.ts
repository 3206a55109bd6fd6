// Words and phrases that are frequent in chats, for dictionary 1. Published: never changes, see text.ts.

const FENCE = "```";

/** Words, and what stands between them where an answer has a list, a heading or emphasis. */
export const ENGLISH_WORDS = String.raw`
I'm here to help Is there anything else Would you like me to Let me know if you'd like I don't have access to
real-time I can't help with that as an AI language model Please note that Keep in mind Make sure you In summary, In
conclusion, In general, On the other hand, In other words, Hope this helps! Good luck! No problem! You're welcome
Thanks for Great question Of course! Could you please tell me more about What do you think How do I How can I What's
the difference Why does Is it possible to I want to I need help with my Can you explain Please write Tell me about
Give me Hello! Hi there, Good morning thanks please yes no okay Absolutely middle sustainable \n\nTo payment the new
away from the fundamental that would businesses and I .\n4. a different to explore suggestions elements of dates to
hear can be used to \n3. The region results increased decision-making helps to kind of a given differences between
showing matches sample percentage and what in more computing smaller , this to analyze most popular data and occurred
containing the team visit suggesting but it the product the field of records managing offers to access criteria come
and make organization a significant have had there is for some but I is serve as , where natural language HTML animals
even more each other applications statistics greater creativity thoroughly real-world clarity to each LinkedIn
\n\nAfter growth and in October added branches front technological impact of well. do you smooth piece of credit card
consuming enjoyed on this reaching title night reality the idea stretches contrast home for our easier a high trust
shift this case location Management gathered :\n\n- you. done There computer science of how :\n\n1. The improving
taken you with a great the value structures Develop tips for asked in alphabetical order For instance, motivated cases
calculate the Consider mental health the beginning Given the external ancient specialized output a series of the story
idea of can use the brand these steps inspired later safety are often final how they promote I'm not sure lack of
solve this as Design space is also blog post word \" tomorrow to meet define depth years ago story about have to
Maintenance: of \" long-term nature the entire provides before the infrastructure This will welcome version of
international to buy and cultural deal with couldn't seen to handle anything morning Great to look started matter
looking for how it works in various ways \nPlease and have remains to start less than an email protect decline is \"
almost eliminate you'll Could you of what traffic would you encountered source of selection focuses on lives Check
remote straight to more Title during the that will campaign February impressive chosen virtual University your own of
people for \" in his the two distribution became interview a valid hope Identify the to have that has a good above
Here are the any questions supplies cost of password that all ensure that finds spread involving generally the quality
really competition with his located to share objectives speaker resulting apply such as the to discuss Social Media
effects of in their featuring and is things the potential facilitate career society the city and even sound classified
across the drive healthcare had building technologies staff the specific details you for compelling items times
according to limited mentioned state of the article In this account anxiety study both sides Many participants set of
book errors aware of command in some carefully has a Data . You can solving costs leaves central the way integrity the
original , etc. who are values quite means that excited listening recommended sharing difference between focus on
others First black risk of time. guide easy to interactions an example of their own games the United States includes
is more convenience leaving affect policies that's Global the current of his the topic presentation interactive , with
out of am writing maximum for their money of its -based to take third it more hidden to consider \n\n\" waiting for in
mind anywhere information about machine learning words that remarkable the information in many satisfaction generate
we need to like a What is the behind exciting comparison growing for its enthusiasm creates cover enough full next
release close additional the highest they might a wide track delivery expensive truly emotions under the surface
getting make sure break down that takes otherwise free to measures friendly challenging principles less as follows a
single and your body it was focused on days the second brings vehicles needs it's not interesting responsible for two
productivity sometimes in our parts of any other adjust \n\nIf model access to initial Microsoft last consistent
million the time for this to stay you to between the John Earth any This means in place constant stress sure devices
for each much Google feel scenario expertise let me to improve music strength miles brought to convert prices using
the paper time and practice the use of must be followed by please to solve commonly contains systems lines left the
course of think phenomenon helps .\nThe the development of time, a table time to love definition you might .\n3.
advice played heavily can be used touch make it comfortably preparation a specific letter process of cannot could have
the \" I have address may have advantages , which is a simple accommodate concise create a all the \n\nSo understand
the itself continued customer service overwhelming phone states that components members more than engineering hours
framework Your instructions very lower which are consequences Let's built-in After analyze enjoy digital well- order .
When into a comfortable the concept of seems training choose makes some of needed \n\nAs themselves the problem tools
the key stories formula example, numbers you are processing concerns content style manner ,\n\nI recipe feedback piece
requirements choice internet and social the importance of search to work to our \" by , and the not have received
memories mental shows critical famous reasons we have struggle effort find the Name square overview in terms of
.\n\nThe write opening memorable green ensuring Write a . If you target climate service :\n - instead of creative with
their expected alternatives entire where the evidence of all is often demonstrated prevent to learn are a few
companies conditions either on how that we visual note that living you want to beyond a time , allowing to see how to
office leadership the future highly like to on your \n3. \" position implications real- . Each the main amount of one
of if the a small implementation could be collaboration uses \n4. \" relationship significantly takes and more that is
of each powerful specifically . They of their outline equipment the to help you food describe range of was a . These
th century in Python that it classic routine \n2. The among the end of means reducing period previous today the right
can't can make you could throughout .\n2. do not electronic :\n- to its and their - The immediate organized Thank you
of life , while slightly widely changing exercise . Here are some towards you would setting short tasks reliable ,
such as -oriented countries trying to contact . While to avoid goals academic navigate from a historical Explain since
This can longer Start global equal to can lead to appear to provide steps can provide story automatically the process
\n2. \" . Here's customer to get methods the other schedule encourage everyone and can the total California travel
mathematical innovative the past broader of these modern connection Can you build detailed language a variety of New
York may be clear and how I can basic \n\nFirst field traditional major Social \n1. The French match believe finding
everything used for role in actually and its value to check series aspects never a lot of might be network .\n\n3. **
instance influenced over the social media solve the data within the valuable that can be they are ideas English
narrative properties studies the number of platforms beginning phrase use the we can database .\n\n2. ** use of
offering must recent terms group \nTherefore, reflects \" is a , regardless of distance are several For example
excellent architecture operations text moment negative Here is have any rather than energy to know science
simultaneously numerous refers to at least you can use enhance :\n\n1. ** recognition scientific ready to daily based
on the correct yourself providing children which can share large types of there are right team Based on the Sure,
easily achieve with your requires of the most starting cultural called not only security school early meeting areas
down focus outcomes in this used in your They good . Here provided related to political made along with subject
approximately diverse overall regular part of a brief a more journey potentially discuss events favorite allows
advancements opportunities to reach but also then likely of this reduce life , making it . Some features how local
financial ability to general movement accurate beautiful expression purpose European represents if you community
useful email review human government suggests original any .\n\n6. looking already culture forward engaging .
Additionally, insights of our after comprehensive that you still presence topic can also the sentence successfully
system required you'd like balance website those maintaining preferences communication which is levels another through
the essential working : The you need growth its explanation further conversation research crucial students example of
able to combination of usually until take \n\n4. ** Python include:\n\n1. does not calculate sense of higher single
known as \n7. offer interest will be check the end algorithms course of your words perspective creating way to found
materials Generate suitable , let's primarily machine instead to keep audience whether increase (e.g. economic written
project control effects power that are responsibilities . For computer education techniques industry \n\nIn solution
perfect second designed handle contribute company there even marketing be happy to step-by-step JavaScript them
resources be to make programming patterns This is against lead to little quickly concepts similar a new are not
explore identify an example \"The strong work access were place management family great that the due to .\n\n5.
variety effectively associated with was product as the situation minutes context to create the United meaning These
small have a activities current future online always determine benefits simple health leading to better ingredients
changes and a , as well as type of especially number of writing United States decision become considered the first
around \n\n3. ** complex to understand skills many intelligence three Create a difficult into the across efficiency
atmosphere options don't support every performance involves used to find attention American appropriate improve
:\n\n${FENCE} to use using necessary for your are the within article natural in your points \n4. ** data years quality
knowledge physical the best directly impact a few factors and other that can have been over behavior analysis someone
software business to help only individuals .\n\n4. history issues statement popular you're elements you have help you
the same about the can help something being unique because just both by the answer \n\n2. ** than doesn't relevant can
use professional what make the world character multiple want to Here's a \n\n1. ** has been problem possible social ,
which they making important together for a when is not to ensure provide approach positive particularly a list of
learning understanding time before during .\n\n3. first \n3. ** at the common questions each , but . However, related
development Here are some \n\nThe \n - .\n\n2. technology challenges is the typically the most , including \n\nThis
\n2. ** should been into \n1. ** where with a also often based on process you can \n\n6. number need to will without
personal people experience , and like and the these might could potential from the given various with the \n\n5.
sentence several through . The significant would different specific other between on the more Here's Here are for the
are some \n\n4. such as to the can be . This this information their \n\n3. the following have which \n\n2. in the of
the :\n\n1. that
`;
